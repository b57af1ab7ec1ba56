// aws-sdk-go, version 2. It checks the MD5 of what it sends and receives.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"reflect"
	"sort"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	snstypes "github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

var (
	background = context.Background()
	settings   = must(config.LoadDefaultConfig(background))
	queues     = sqs.NewFromConfig(settings)
	topics     = sns.NewFromConfig(settings)
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
	input := &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes}
	return must(queues.CreateQueue(background, input)).QueueUrl
}

func receive(url *string, maximum, waitSeconds int32) []types.Message {
	return must(queues.ReceiveMessage(background, &sqs.ReceiveMessageInput{
		QueueUrl:                    url,
		MaxNumberOfMessages:         maximum,
		WaitTimeSeconds:             waitSeconds,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"},
		MessageAttributeNames:       []string{"All"},
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
			entry := types.DeleteMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), ReceiptHandle: message.ReceiptHandle}
			batch.Entries = append(batch.Entries, entry)
		}
		equal("the deleted", len(messages), len(must(queues.DeleteMessageBatch(background, batch)).Successful))
	}
	return bodies
}

func oneMessage(url *string) {
	body := "first: ü & <b>\t\n"
	raw := []byte{0, 1, 254, 255}
	sent := must(queues.SendMessage(background, &sqs.SendMessageInput{
		QueueUrl:    url,
		MessageBody: &body,
		MessageAttributes: map[string]types.MessageAttributeValue{
			"text":  {DataType: aws.String("String"), StringValue: aws.String("ü & <b>")},
			"bytes": {DataType: aws.String("Binary"), BinaryValue: raw},
		},
	}))
	message := receive(url, 1, 5)[0]
	equal("the id", *sent.MessageId, *message.MessageId)
	equal("the body", body, *message.Body)
	equal("the text", "ü & <b>", *message.MessageAttributes["text"].StringValue)
	equal("the bytes", true, bytes.Equal(raw, message.MessageAttributes["bytes"].BinaryValue))
	must(queues.ChangeMessageVisibility(background, &sqs.ChangeMessageVisibilityInput{
		QueueUrl: url, ReceiptHandle: message.ReceiptHandle, VisibilityTimeout: 0,
	}))
	again := receive(url, 1, 5)[0]
	equal("the count", "2", again.Attributes["ApproximateReceiveCount"])
	must(queues.DeleteMessage(background, &sqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: again.ReceiptHandle}))
	equal("what is left", 0, len(receive(url, 1, 0)))
}

func batch(url *string) {
	input := &sqs.SendMessageBatchInput{QueueUrl: url}
	var bodies []string
	for i := range 10 {
		bodies = append(bodies, fmt.Sprintf("body %d", i))
		entry := types.SendMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), MessageBody: &bodies[i]}
		input.Entries = append(input.Entries, entry)
	}
	equal("the sent", 10, len(must(queues.SendMessageBatch(background, input)).Successful))
	arrived := drain(url, 10)
	sort.Strings(arrived)
	equal("the bodies", bodies, arrived)
}

func longPoll(url *string) {
	waiting := make(chan []string)
	go func() { waiting <- drain(url, 1) }()
	time.Sleep(500 * time.Millisecond)
	must(queues.SendMessage(background, &sqs.SendMessageInput{QueueUrl: url, MessageBody: aws.String("late")}))
	equal("the late one", []string{"late"}, <-waiting)
}

func fifo() {
	url := create("go-v2.fifo", map[string]string{"FifoQueue": "true", "ContentBasedDeduplication": "true"})
	for _, body := range []string{"1", "2", "2", "3"} {
		must(queues.SendMessage(background, &sqs.SendMessageInput{
			QueueUrl: url, MessageBody: &body, MessageGroupId: aws.String("g"),
		}))
	}
	equal("the order", []string{"1", "2", "3"}, drain(url, 3))
}

func topic(url *string) {
	names := []types.QueueAttributeName{"QueueArn"}
	arn := must(queues.GetQueueAttributes(background, &sqs.GetQueueAttributesInput{QueueUrl: url, AttributeNames: names}))
	made := must(topics.CreateTopic(background, &sns.CreateTopicInput{Name: aws.String("go-v2")}))
	must(topics.Subscribe(background, &sns.SubscribeInput{
		TopicArn:   made.TopicArn,
		Protocol:   aws.String("sqs"),
		Endpoint:   aws.String(arn.Attributes["QueueArn"]),
		Attributes: map[string]string{"RawMessageDelivery": "true", "FilterPolicy": `{"plan":["gold"]}`},
	}))
	for _, plan := range []string{"free", "gold"} {
		must(topics.Publish(background, &sns.PublishInput{
			TopicArn: made.TopicArn,
			Message:  aws.String("to " + plan),
			MessageAttributes: map[string]snstypes.MessageAttributeValue{
				"plan": {DataType: aws.String("String"), StringValue: &plan},
			},
		}))
	}
	equal("what passes the filter", []string{"to gold"}, drain(url, 1))
	must(topics.DeleteTopic(background, &sns.DeleteTopicInput{TopicArn: made.TopicArn}))
}

func main() {
	name := aws.String("go-v2")
	url := create(*name, map[string]string{"VisibilityTimeout": "30"})
	equal("the URL", *url, *must(queues.GetQueueUrl(background, &sqs.GetQueueUrlInput{QueueName: name})).QueueUrl)
	oneMessage(url)
	batch(url)
	longPoll(url)
	fifo()
	topic(url)
	must(queues.DeleteQueue(background, &sqs.DeleteQueueInput{QueueUrl: url}))
	_, err := queues.GetQueueUrl(background, &sqs.GetQueueUrlInput{QueueName: name})
	var missing *types.QueueDoesNotExist
	if !errors.As(err, &missing) {
		log.Panicf("a deleted queue: %v", err)
	}
}
