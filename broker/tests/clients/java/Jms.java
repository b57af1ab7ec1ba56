// JMS over amazon-sqs-java-messaging-lib: queues are named, bodies typed, properties are message attributes. Messages are
// acknowledged one by one, or given back by a session that ends without.
//
// A consumer that fetches ahead is closed only when its long poll of 20 seconds ends. Only the listener fetches ahead.

import com.amazon.sqs.javamessaging.ProviderConfiguration;
import com.amazon.sqs.javamessaging.SQSConnection;
import com.amazon.sqs.javamessaging.SQSConnectionFactory;
import com.amazon.sqs.javamessaging.SQSSession;
import jakarta.jms.Message;
import jakarta.jms.MessageConsumer;
import jakarta.jms.MessageProducer;
import jakarta.jms.ObjectMessage;
import jakarta.jms.Session;
import jakarta.jms.TextMessage;
import java.net.URI;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import software.amazon.awssdk.services.sqs.SqsClient;
import software.amazon.awssdk.services.sqs.model.QueueAttributeName;

public final class Jms {
    private static final SqsClient SQS =
            SqsClient.builder().endpointOverride(URI.create(System.getenv("AWS_ENDPOINT_URL"))).build();

    public static void main(String[] arguments) throws Exception {
        SQSConnection connection = connect(new ProviderConfiguration().withNumberOfMessagesToPrefetch(0));
        var client = connection.getWrappedAmazonSQSClient();
        equal("whether the queue is there", false, client.queueExists("jms-jobs"));
        client.createQueue("jms-jobs");
        equal("whether the queue is there", true, client.queueExists("jms-jobs"));
        SQS.createQueue(request -> request.queueName("jms-jobs.fifo").attributes(Map.of(
                QueueAttributeName.FIFO_QUEUE, "true",
                QueueAttributeName.CONTENT_BASED_DEDUPLICATION, "true")));
        typed(connection);
        unacknowledged(connection);
        fifo(connection);
        connection.close();
        try (SQSConnection ahead = connect(new ProviderConfiguration())) {
            listener(ahead);
        }
        for (String name : List.of("jms-jobs", "jms-jobs.fifo")) {
            String url = SQS.getQueueUrl(request -> request.queueName(name)).queueUrl();
            var left = SQS.getQueueAttributes(request -> request.queueUrl(url).attributeNames(
                    QueueAttributeName.APPROXIMATE_NUMBER_OF_MESSAGES,
                    QueueAttributeName.APPROXIMATE_NUMBER_OF_MESSAGES_NOT_VISIBLE)).attributes();
            equal("what is left in " + name, List.of("0", "0"), List.copyOf(left.values()));
        }
    }

    private static SQSConnection connect(ProviderConfiguration options) throws Exception {
        SQSConnection connection = new SQSConnectionFactory(options, SQS).createConnection();
        connection.start();
        return connection;
    }

    private static void equal(String what, Object expected, Object actual) {
        if (!Objects.equals(expected, actual)) {
            throw new AssertionError(what + ": expected " + expected + ", got " + actual);
        }
    }

    /** A text with properties of several types, and a serialised object. */
    private static void typed(SQSConnection connection) throws Exception {
        Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
        MessageProducer producer = session.createProducer(session.createQueue("jms-jobs"));
        MessageConsumer consumer = session.createConsumer(session.createQueue("jms-jobs"));
        TextMessage text = session.createTextMessage("a text: ü & <b>\n");
        text.setStringProperty("colour", "red");
        text.setIntProperty("number", 17);
        text.setBooleanProperty("flag", true);
        text.setJMSCorrelationID("correlated");
        producer.send(text);
        TextMessage received = (TextMessage) consumer.receive(10_000);
        equal("the text", "a text: ü & <b>\n", received.getText());
        equal("the id", text.getJMSMessageID(), received.getJMSMessageID());
        equal("the colour", "red", received.getStringProperty("colour"));
        equal("the number", 17, received.getIntProperty("number"));
        equal("the flag", true, received.getBooleanProperty("flag"));
        equal("the correlation", "correlated", received.getJMSCorrelationID());
        equal("the count", 1, received.getIntProperty("JMSXDeliveryCount"));
        producer.send(session.createObjectMessage(new ArrayList<>(List.of(1, 2, 3))));
        ObjectMessage object = (ObjectMessage) consumer.receive(10_000);
        equal("the object", List.of(1, 2, 3), object.getObject());
        session.close();
    }

    /** Closing a session makes what it did not acknowledge visible again. */
    private static void unacknowledged(SQSConnection connection) throws Exception {
        Session first = connection.createSession(false, SQSSession.UNORDERED_ACKNOWLEDGE);
        first.createProducer(first.createQueue("jms-jobs")).send(first.createTextMessage("given back"));
        Message message = first.createConsumer(first.createQueue("jms-jobs")).receive(10_000);
        equal("the first", "given back", ((TextMessage) message).getText());
        first.close();
        Session second = connection.createSession(false, SQSSession.UNORDERED_ACKNOWLEDGE);
        Message again = second.createConsumer(second.createQueue("jms-jobs")).receive(10_000);
        equal("the second", "given back", ((TextMessage) again).getText());
        equal("the count", 2, again.getIntProperty("JMSXDeliveryCount"));
        equal("whether it is marked", true, again.getJMSRedelivered());
        again.acknowledge();
        second.close();
    }

    private static void listener(SQSConnection connection) throws Exception {
        Session session = connection.createSession(false, Session.CLIENT_ACKNOWLEDGE);
        List<String> arrived = Collections.synchronizedList(new ArrayList<>());
        CountDownLatch left = new CountDownLatch(20);
        session.createConsumer(session.createQueue("jms-jobs")).setMessageListener(message -> {
            try {
                arrived.add(((TextMessage) message).getText());
                message.acknowledge();
                left.countDown();
            } catch (Exception failure) {
                failure.printStackTrace();
            }
        });
        Session sending = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
        MessageProducer producer = sending.createProducer(sending.createQueue("jms-jobs"));
        List<String> sent = new ArrayList<>();
        for (int i = 100; i < 120; i++) {
            sent.add("message " + i);
            producer.send(sending.createTextMessage("message " + i));
        }
        left.await(30, TimeUnit.SECONDS);
        equal("what was listened to", sent, arrived.stream().sorted().toList());
        sending.close();
        session.close();
    }

    private static void fifo(SQSConnection connection) throws Exception {
        Session session = connection.createSession(false, Session.CLIENT_ACKNOWLEDGE);
        MessageProducer producer = session.createProducer(session.createQueue("jms-jobs.fifo"));
        for (String body : List.of("1", "2", "2", "3")) {
            TextMessage message = session.createTextMessage(body);
            message.setStringProperty("JMSXGroupID", "g");
            producer.send(message);
        }
        MessageConsumer consumer = session.createConsumer(session.createQueue("jms-jobs.fifo"));
        for (String body : List.of("1", "2", "3")) {
            TextMessage message = (TextMessage) consumer.receive(10_000);
            equal("the next of the group", body, message.getText());
            message.acknowledge();
        }
        session.close();
    }
}
