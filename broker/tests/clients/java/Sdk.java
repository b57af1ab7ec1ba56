// The SDK for Java, version 2, with its batch manager. It checks the MD5 of what it sends and receives.

import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.services.sns.SnsClient;
import software.amazon.awssdk.services.sqs.SqsAsyncClient;
import software.amazon.awssdk.services.sqs.SqsClient;
import software.amazon.awssdk.services.sqs.batchmanager.SqsAsyncBatchManager;
import software.amazon.awssdk.services.sqs.model.DeleteMessageBatchRequestEntry;
import software.amazon.awssdk.services.sqs.model.Message;
import software.amazon.awssdk.services.sqs.model.MessageAttributeValue;
import software.amazon.awssdk.services.sqs.model.MessageSystemAttributeName;
import software.amazon.awssdk.services.sqs.model.QueueAttributeName;
import software.amazon.awssdk.services.sqs.model.QueueDoesNotExistException;
import software.amazon.awssdk.services.sqs.model.SendMessageBatchRequestEntry;

public final class Sdk {
    private static final URI BROKER = URI.create(System.getenv("AWS_ENDPOINT_URL"));
    private static final SqsClient SQS = SqsClient.builder().endpointOverride(BROKER).build();
    private static final SnsClient SNS = SnsClient.builder().endpointOverride(BROKER).build();

    public static void main(String[] arguments) throws Exception {
        String url = create("java-v2", Map.of(QueueAttributeName.VISIBILITY_TIMEOUT, "30"));
        equal("the URL", url, SQS.getQueueUrl(request -> request.queueName("java-v2")).queueUrl());
        oneMessage(url);
        batch(url);
        longPoll(url);
        batchManager(url);
        fifo();
        topic(url);
        pages();
        SQS.deleteQueue(request -> request.queueUrl(url));
        try {
            SQS.getQueueUrl(request -> request.queueName("java-v2"));
            throw new AssertionError("a deleted queue was found");
        } catch (QueueDoesNotExistException expected) {
            // The error has its own type.
        }
    }

    private static void equal(String what, Object expected, Object actual) {
        if (!Objects.equals(expected, actual)) {
            throw new AssertionError(what + ": expected " + expected + ", got " + actual);
        }
    }

    private static String create(String name, Map<QueueAttributeName, String> attributes) {
        return SQS.createQueue(request -> request.queueName(name).attributes(attributes)).queueUrl();
    }

    private static List<Message> receive(String url, int maximum, int waitSeconds) {
        return SQS.receiveMessage(request -> request
                .queueUrl(url)
                .maxNumberOfMessages(maximum)
                .waitTimeSeconds(waitSeconds)
                .messageSystemAttributeNames(MessageSystemAttributeName.ALL)
                .messageAttributeNames("All")).messages();
    }

    /** Receives and deletes {@code count} messages. Returns their bodies in the order of arrival. */
    private static List<String> drain(String url, int count) {
        List<String> bodies = new ArrayList<>();
        while (bodies.size() < count) {
            List<Message> messages = receive(url, 10, 10);
            equal("whether messages came after " + bodies.size(), false, messages.isEmpty());
            List<DeleteMessageBatchRequestEntry> entries = new ArrayList<>();
            for (Message message : messages) {
                bodies.add(message.body());
                String id = String.valueOf(entries.size());
                entries.add(DeleteMessageBatchRequestEntry.builder().id(id).receiptHandle(message.receiptHandle()).build());
            }
            int deleted = SQS.deleteMessageBatch(request -> request.queueUrl(url).entries(entries)).successful().size();
            equal("the deleted", entries.size(), deleted);
        }
        return bodies;
    }

    private static void oneMessage(String url) {
        String body = "first: ü & <b>\t\n";
        SdkBytes raw = SdkBytes.fromByteArray(new byte[] {0, 1, -2, -1});
        Map<String, MessageAttributeValue> attributes = Map.of(
                "text", MessageAttributeValue.builder().dataType("String").stringValue("ü & <b>").build(),
                "bytes", MessageAttributeValue.builder().dataType("Binary").binaryValue(raw).build());
        String id = SQS.sendMessage(request -> request.queueUrl(url).messageBody(body).messageAttributes(attributes))
                .messageId();
        Message message = receive(url, 1, 5).get(0);
        equal("the id", id, message.messageId());
        equal("the body", body, message.body());
        equal("the attributes", attributes, message.messageAttributes());
        SQS.changeMessageVisibility(request ->
                request.queueUrl(url).receiptHandle(message.receiptHandle()).visibilityTimeout(0));
        Message again = receive(url, 1, 5).get(0);
        String count = again.attributes().get(MessageSystemAttributeName.APPROXIMATE_RECEIVE_COUNT);
        equal("the count", "2", count);
        SQS.deleteMessage(request -> request.queueUrl(url).receiptHandle(again.receiptHandle()));
        equal("what is left", List.of(), receive(url, 1, 0));
    }

    private static void batch(String url) {
        List<String> bodies = IntStream.range(0, 10).mapToObj(i -> "body " + i).toList();
        List<SendMessageBatchRequestEntry> entries = IntStream.range(0, 10)
                .mapToObj(i -> SendMessageBatchRequestEntry.builder().id("e" + i).messageBody(bodies.get(i)).build())
                .toList();
        equal("the sent", 10, SQS.sendMessageBatch(request -> request.queueUrl(url).entries(entries)).successful().size());
        equal("the bodies", bodies, drain(url, 10).stream().sorted().toList());
    }

    private static void longPoll(String url) throws Exception {
        CompletableFuture<List<String>> waiting = CompletableFuture.supplyAsync(() -> drain(url, 1));
        Thread.sleep(500);
        SQS.sendMessage(request -> request.queueUrl(url).messageBody("late"));
        equal("the late one", List.of("late"), waiting.get(30, TimeUnit.SECONDS));
    }

    /** The batch manager gathers sends and deletes, and receives ahead. */
    private static void batchManager(String url) throws Exception {
        try (SqsAsyncClient client = SqsAsyncClient.builder().endpointOverride(BROKER).build();
                SqsAsyncBatchManager manager = client.batchManager()) {
            List<String> bodies = IntStream.range(0, 25).mapToObj(i -> "gathered " + (100 + i)).toList();
            List<CompletableFuture<?>> sends = new ArrayList<>();
            for (String body : bodies) {
                sends.add(manager.sendMessage(request -> request.queueUrl(url).messageBody(body)));
            }
            for (CompletableFuture<?> send : sends) {
                send.get(10, TimeUnit.SECONDS);
            }
            List<String> arrived = new ArrayList<>();
            List<CompletableFuture<?>> deletes = new ArrayList<>();
            for (int tries = 0; arrived.size() < bodies.size() && tries < 20; tries++) {
                var received = manager.receiveMessage(request -> request.queueUrl(url)).get(30, TimeUnit.SECONDS);
                for (Message message : received.messages()) {
                    arrived.add(message.body());
                    String handle = message.receiptHandle();
                    deletes.add(manager.deleteMessage(request -> request.queueUrl(url).receiptHandle(handle)));
                }
            }
            for (CompletableFuture<?> delete : deletes) {
                delete.get(10, TimeUnit.SECONDS);
            }
            equal("the gathered", bodies, arrived.stream().sorted().toList());
        }
    }

    private static void fifo() {
        String url = create("java-v2.fifo", Map.of(
                QueueAttributeName.FIFO_QUEUE, "true",
                QueueAttributeName.CONTENT_BASED_DEDUPLICATION, "true"));
        for (String body : List.of("1", "2", "2", "3")) {
            SQS.sendMessage(request -> request.queueUrl(url).messageBody(body).messageGroupId("g"));
        }
        equal("the order", List.of("1", "2", "3"), drain(url, 3));
    }

    private static void topic(String url) {
        String queue = SQS.getQueueAttributes(request ->
                request.queueUrl(url).attributeNames(QueueAttributeName.QUEUE_ARN))
                .attributes().get(QueueAttributeName.QUEUE_ARN);
        String topic = SNS.createTopic(request -> request.name("java-v2")).topicArn();
        Map<String, String> attributes = Map.of("RawMessageDelivery", "true", "FilterPolicy", "{\"plan\":[\"gold\"]}");
        SNS.subscribe(request -> request.topicArn(topic).protocol("sqs").endpoint(queue).attributes(attributes));
        for (String plan : List.of("free", "gold")) {
            var value = software.amazon.awssdk.services.sns.model.MessageAttributeValue.builder()
                    .dataType("String").stringValue(plan).build();
            SNS.publish(request -> request.topicArn(topic).message("to " + plan).messageAttributes(Map.of("plan", value)));
        }
        equal("what passes the filter", List.of("to gold"), drain(url, 1));
        SNS.deleteTopic(request -> request.topicArn(topic));
    }

    private static void pages() {
        List<String> made = IntStream.range(0, 5).mapToObj(i -> create("java-page-" + i, Map.of())).toList();
        List<String> listed = SQS.listQueuesPaginator(request -> request.queueNamePrefix("java-page-").maxResults(2))
                .queueUrls().stream().sorted().toList();
        equal("the pages", made, listed);
    }
}
