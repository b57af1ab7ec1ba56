// Spring Cloud AWS: its template sends, and listener containers handle: in batches, with acknowledgements, with a retry
// after an error, and in the order of a FIFO queue.

import io.awspring.cloud.sqs.config.SqsMessageListenerContainerFactory;
import io.awspring.cloud.sqs.listener.MessageListenerContainer;
import io.awspring.cloud.sqs.listener.acknowledgement.handler.AcknowledgementMode;
import io.awspring.cloud.sqs.operations.SqsTemplate;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.springframework.messaging.Message;
import org.springframework.messaging.support.MessageBuilder;
import software.amazon.awssdk.services.sqs.SqsAsyncClient;
import software.amazon.awssdk.services.sqs.model.QueueAttributeName;

public final class Spring {
    private static final SqsAsyncClient SQS =
            SqsAsyncClient.builder().endpointOverride(URI.create(System.getenv("AWS_ENDPOINT_URL"))).build();
    private static final SqsTemplate TEMPLATE = SqsTemplate.builder().sqsAsyncClient(SQS).build();

    public static void main(String[] arguments) throws Exception {
        create("spring-jobs", Map.of(QueueAttributeName.VISIBILITY_TIMEOUT, "2"));
        create("spring-jobs.fifo", Map.of(
                QueueAttributeName.FIFO_QUEUE, "true",
                QueueAttributeName.CONTENT_BASED_DEDUPLICATION, "true"));
        template();
        listener();
        fifo();
        settled("spring-jobs");
        settled("spring-jobs.fifo");
        SQS.close();
        System.exit(0);
    }

    private static void equal(String what, Object expected, Object actual) {
        if (!Objects.equals(expected, actual)) {
            throw new AssertionError(what + ": expected " + expected + ", got " + actual);
        }
    }

    private static void create(String name, Map<QueueAttributeName, String> attributes) {
        SQS.createQueue(request -> request.queueName(name).attributes(attributes)).join();
    }

    /** Sends a structure with a header, and receives it as one. */
    private static void template() {
        TEMPLATE.send(to -> to.queue("spring-jobs").payload(new Order("A-1", 3)).header("colour", "red"));
        Message<Order> message = TEMPLATE.receive(
                from -> from.queue("spring-jobs").pollTimeout(Duration.ofSeconds(5)), Order.class).orElseThrow();
        equal("the order", new Order("A-1", 3), message.getPayload());
        equal("the header", "red", message.getHeaders().get("colour"));
    }

    /** Handles 30 messages that came in batches. The handler of one of them fails at its first execution. */
    private static void listener() throws Exception {
        List<String> handled = Collections.synchronizedList(new ArrayList<>());
        Set<String> failed = ConcurrentHashMap.newKeySet();
        List<String> bodies = new ArrayList<>();
        for (int i = 100; i < 130; i++) {
            bodies.add("body " + i);
        }
        for (int start = 0; start < 30; start += 10) {
            List<Message<String>> batch = bodies.subList(start, start + 10).stream()
                    .map(body -> MessageBuilder.withPayload(body).build()).toList();
            equal("the sent", 10, TEMPLATE.sendMany("spring-jobs", batch).successful().size());
        }
        run("spring-jobs", 30, handled, message -> {
            if (message.getPayload().equals("body 107") && failed.add(message.getPayload())) {
                throw new IllegalStateException("the first execution fails");
            }
            handled.add(message.getPayload());
        });
        equal("what failed", Set.of("body 107"), failed);
        equal("the handled", bodies, handled.stream().sorted().toList());
    }

    private static void fifo() throws Exception {
        List<String> handled = Collections.synchronizedList(new ArrayList<>());
        for (String body : List.of("1", "2", "2", "3", "4")) {
            TEMPLATE.send(to -> to.queue("spring-jobs.fifo").payload(body).messageGroupId("g"));
        }
        run("spring-jobs.fifo", 4, handled, message -> handled.add(message.getPayload()));
        equal("the order of the group", List.of("1", "2", "3", "4"), handled);
    }

    /** Runs a listener container until {@code count} messages are handled. */
    private static void run(String queue, int count, List<String> handled, Consumer<Message<String>> handler)
            throws Exception {
        MessageListenerContainer<String> container = SqsMessageListenerContainerFactory.<String>builder()
                .sqsAsyncClient(SQS)
                .configure(options -> options
                        .acknowledgementMode(AcknowledgementMode.ON_SUCCESS)
                        .pollTimeout(Duration.ofSeconds(5)))
                .messageListener(handler::accept)
                .build()
                .createContainer(queue);
        container.start();
        for (int tries = 0; handled.size() < count && tries < 300; tries++) {
            Thread.sleep(100);
        }
        // The container acknowledges what is handled before it stops.
        container.stop();
    }

    private static void settled(String name) throws Exception {
        String url = SQS.getQueueUrl(request -> request.queueName(name)).join().queueUrl();
        var left = SQS.getQueueAttributes(request -> request.queueUrl(url).attributeNames(
                QueueAttributeName.APPROXIMATE_NUMBER_OF_MESSAGES,
                QueueAttributeName.APPROXIMATE_NUMBER_OF_MESSAGES_NOT_VISIBLE)).join().attributes();
        equal("what is left in " + name, List.of("0", "0"), List.copyOf(left.values()));
    }

    public record Order(String id, int quantity) {}
}
