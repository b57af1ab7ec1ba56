// aws-sdk-go, version 1: JSON for SQS, Query for SNS. It checks the MD5 of what it sends and receives.
package main

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"reflect"
	"sort"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/awserr"
	"github.com/aws/aws-sdk-go/aws/session"
	"github.com/aws/aws-sdk-go/service/sns"
	"github.com/aws/aws-sdk-go/service/sqs"
)

var (
	config = session.Must(session.NewSession(&aws.Config{
		Endpoint: aws.String(os.Getenv("AWS_ENDPOINT_URL")),
		Region:   aws.String(os.Getenv("AWS_REGION")),
	}))
	queues = sqs.New(config)
	topics = sns.New(config)
)

func must[T any](output T, err error) T {
	if err != nil {
		log.Panic(err)
	}
	return output
}

func equal(what string, expected, actual any) {
	if !reflect.DeepEqual(expected, actual) {
		log.Panicf("%s: expected %v, got %v", what, expected, actual)
	}
}

func create(name string, attributes map[string]string) *string {
	input := &sqs.CreateQueueInput{QueueName: &name, Attributes: aws.StringMap(attributes)}
	return must(queues.CreateQueue(input)).QueueUrl
}

func receive(url *string, maximum, waitSeconds int64) []*sqs.Message {
	return must(queues.ReceiveMessage(&sqs.ReceiveMessageInput{
		QueueUrl:              url,
		MaxNumberOfMessages:   &maximum,
		WaitTimeSeconds:       &waitSeconds,
		AttributeNames:        aws.StringSlice([]string{"All"}),
		MessageAttributeNames: aws.StringSlice([]string{"All"}),
	})).Messages
}

// drain receives and deletes count messages. It returns their bodies in the order of arrival.
func drain(url *string, count int) []string {
	var bodies []string
	for len(bodies) < count {
		messages := receive(url, 10, 10)
		if len(messages) == 0 {
			log.Panicf("%d of %d messages came", len(bodies), count)
		}
		batch := &sqs.DeleteMessageBatchInput{QueueUrl: url}
		for i, message := range messages {
			bodies = append(bodies, *message.Body)
			entry := &sqs.DeleteMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), ReceiptHandle: message.ReceiptHandle}
			batch.Entries = append(batch.Entries, entry)
		}
		equal("the deleted", len(messages), len(must(queues.DeleteMessageBatch(batch)).Successful))
	}
	return bodies
}

func oneMessage(url *string) {
	body := "first: ü & <b>\t\n"
	raw := []byte{0, 1, 254, 255}
	sent := must(queues.SendMessage(&sqs.SendMessageInput{
		QueueUrl:    url,
		MessageBody: &body,
		MessageAttributes: map[string]*sqs.MessageAttributeValue{
			"text":  {DataType: aws.String("String"), StringValue: aws.String("ü & <b>")},
			"bytes": {DataType: aws.String("Binary"), BinaryValue: raw},
		},
	}))
	message := receive(url, 1, 5)[0]
	equal("the id", *sent.MessageId, *message.MessageId)
	equal("the body", body, *message.Body)
	equal("the text", "ü & <b>", *message.MessageAttributes["text"].StringValue)
	equal("the bytes", true, bytes.Equal(raw, message.MessageAttributes["bytes"].BinaryValue))
	must(queues.ChangeMessageVisibility(&sqs.ChangeMessageVisibilityInput{
		QueueUrl: url, ReceiptHandle: message.ReceiptHandle, VisibilityTimeout: aws.Int64(0),
	}))
	again := receive(url, 1, 5)[0]
	equal("the count", "2", *again.Attributes["ApproximateReceiveCount"])
	must(queues.DeleteMessage(&sqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: again.ReceiptHandle}))
	equal("what is left", 0, len(receive(url, 1, 0)))
}

func batch(url *string) {
	input := &sqs.SendMessageBatchInput{QueueUrl: url}
	var bodies []string
	for i := range 10 {
		bodies = append(bodies, fmt.Sprintf("body %d", i))
		entry := &sqs.SendMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), MessageBody: &bodies[i]}
		input.Entries = append(input.Entries, entry)
	}
	equal("the sent", 10, len(must(queues.SendMessageBatch(input)).Successful))
	arrived := drain(url, 10)
	sort.Strings(arrived)
	equal("the bodies", bodies, arrived)
}

func longPoll(url *string) {
	waiting := make(chan []string)
	go func() { waiting <- drain(url, 1) }()
	time.Sleep(500 * time.Millisecond)
	must(queues.SendMessage(&sqs.SendMessageInput{QueueUrl: url, MessageBody: aws.String("late")}))
	equal("the late one", []string{"late"}, <-waiting)
}

func fifo() {
	url := create("go-v1.fifo", map[string]string{"FifoQueue": "true", "ContentBasedDeduplication": "true"})
	for _, body := range []string{"1", "2", "2", "3"} {
		must(queues.SendMessage(&sqs.SendMessageInput{
			QueueUrl: url, MessageBody: &body, MessageGroupId: aws.String("g"),
		}))
	}
	equal("the order", []string{"1", "2", "3"}, drain(url, 3))
}

func topic(url *string) {
	names := aws.StringSlice([]string{"QueueArn"})
	arn := must(queues.GetQueueAttributes(&sqs.GetQueueAttributesInput{QueueUrl: url, AttributeNames: names}))
	made := must(topics.CreateTopic(&sns.CreateTopicInput{Name: aws.String("go-v1")}))
	must(topics.Subscribe(&sns.SubscribeInput{
		TopicArn: made.TopicArn,
		Protocol: aws.String("sqs"),
		Endpoint: arn.Attributes["QueueArn"],
		Attributes: aws.StringMap(map[string]string{
			"RawMessageDelivery": "true", "FilterPolicy": `{"plan":["gold"]}`,
		}),
	}))
	for _, plan := range []string{"free", "gold"} {
		must(topics.Publish(&sns.PublishInput{
			TopicArn: made.TopicArn,
			Message:  aws.String("to " + plan),
			MessageAttributes: map[string]*sns.MessageAttributeValue{
				"plan": {DataType: aws.String("String"), StringValue: &plan},
			},
		}))
	}
	equal("what passes the filter", []string{"to gold"}, drain(url, 1))
	must(topics.DeleteTopic(&sns.DeleteTopicInput{TopicArn: made.TopicArn}))
}

func main() {
	name := aws.String("go-v1")
	url := create(*name, map[string]string{"VisibilityTimeout": "30"})
	equal("the URL", *url, *must(queues.GetQueueUrl(&sqs.GetQueueUrlInput{QueueName: name})).QueueUrl)
	oneMessage(url)
	batch(url)
	longPoll(url)
	fifo()
	topic(url)
	must(queues.DeleteQueue(&sqs.DeleteQueueInput{QueueUrl: url}))
	_, err := queues.GetQueueUrl(&sqs.GetQueueUrlInput{QueueName: name})
	refusal, typed := err.(awserr.Error)
	if !typed || refusal.Code() != sqs.ErrCodeQueueDoesNotExist {
		log.Panicf("a deleted queue: %v", err)
	}
}
