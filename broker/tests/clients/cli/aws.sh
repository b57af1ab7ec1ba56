#!/usr/bin/env bash
# The AWS CLI, version 1 or 2: the program AWS makes the queue and the topic NAME.
#
#     AWS=PROGRAM cli/aws.sh NAME
set -euo pipefail

fail() {
  echo "aws.sh: $*" >&2
  exit 1
}

# equal WHAT EXPECTED ACTUAL
equal() {
  [[ $2 == "$3" ]] || fail "$1: expected '$2', got '$3'"
}

sqs() { "$AWS" --endpoint-url "$AWS_ENDPOINT_URL" --output text sqs "$@"; }
sns() { "$AWS" --endpoint-url "$AWS_ENDPOINT_URL" --output text sns "$@"; }

# attribute URL NAME: the value of a queue's attribute.
attribute() {
  sqs get-queue-attributes --queue-url "$1" --attribute-names "$2" --query "Attributes.$2"
}

# receive URL: the body and the handle of one message, in two lines. Fails without a message.
receive() {
  local received
  received=$(sqs receive-message --queue-url "$1" --wait-time-seconds 5 \
    --message-attribute-names All --attribute-names All --query 'Messages[0].[Body,ReceiptHandle]')
  [[ $received != None ]] || fail "no message in $1"
  tr '\t' '\n' <<< "$received"
}

name=$1
url=$(sqs create-queue --queue-name "$name" --attributes VisibilityTimeout=30 --tags team=shop --query QueueUrl)
equal 'the URL by name' "$url" "$(sqs get-queue-url --queue-name "$name" --query QueueUrl)"
equal 'the listed URL' "$url" "$(sqs list-queues --queue-name-prefix "$name" --query 'QueueUrls[0]')"
equal 'the tag' shop "$(sqs list-queue-tags --queue-url "$url" --query Tags.team)"

# One message with attributes, made visible again.
body='from the command line: ü & <b>'
attributes='{"colour":{"DataType":"String","StringValue":"red"},"raw":{"DataType":"Binary","BinaryValue":"AAECAw=="}}'
sqs send-message --queue-url "$url" --message-body "$body" --message-attributes "$attributes" > /dev/null
mapfile -t received < <(receive "$url")
equal 'the body' "$body" "${received[0]}"
sqs change-message-visibility --queue-url "$url" --receipt-handle "${received[1]}" --visibility-timeout 0
mapfile -t received < <(receive "$url")
equal 'the body again' "$body" "${received[0]}"
sqs delete-message --queue-url "$url" --receipt-handle "${received[1]}"
equal 'what is left' 0 "$(attribute "$url" ApproximateNumberOfMessagesNotVisible)"

# A batch, in the shorthand of the CLI.
sent=$(sqs send-message-batch --queue-url "$url" --entries Id=a,MessageBody=one Id=b,MessageBody=two \
  --query 'length(Successful)')
equal 'the sent batch' 2 "$sent"
sqs purge-queue --queue-url "$url"
equal 'what a purge leaves' 0 "$(attribute "$url" ApproximateNumberOfMessages)"
sqs set-queue-attributes --queue-url "$url" --attributes VisibilityTimeout=45,DelaySeconds=0
equal 'the timeout that was set' 45 "$(attribute "$url" VisibilityTimeout)"

# FIFO: the order within a group, and a duplicate that is accepted and not stored.
fifo=$(sqs create-queue --queue-name "$name.fifo" --attributes FifoQueue=true --query QueueUrl)
for id in 1 2 2 3; do
  sqs send-message --queue-url "$fifo" --message-body "body $id" --message-group-id g --message-deduplication-id $id \
    > /dev/null
done
arrived=$(sqs receive-message --queue-url "$fifo" --max-number-of-messages 10 --query 'Messages[].Body' | tr '\t' ,)
equal 'the FIFO bodies' 'body 1,body 2,body 3' "$arrived"

# A topic with a filter policy.
topic=$(sns create-topic --name "$name" --query TopicArn)
policy='{"RawMessageDelivery":"true","FilterPolicy":"{\"colour\":[\"red\"]}"}'
subscription=$(sns subscribe --topic-arn "$topic" --protocol sqs --notification-endpoint "$(attribute "$url" QueueArn)" \
  --attributes "$policy" --query SubscriptionArn)
for colour in green red; do
  sns publish --topic-arn "$topic" --message "$colour" \
    --message-attributes "{\"colour\":{\"DataType\":\"String\",\"StringValue\":\"$colour\"}}" > /dev/null
done
mapfile -t received < <(receive "$url")
equal 'what passes the filter' red "${received[0]}"
listed=$(sns list-subscriptions-by-topic --topic-arn "$topic" --query 'Subscriptions[0].SubscriptionArn')
equal 'the subscription' "$subscription" "$listed"
sns delete-topic --topic-arn "$topic"

# An error that the CLI names.
sqs delete-queue --queue-url "$url"
sqs delete-queue --queue-url "$fifo"
if error=$(sqs get-queue-url --queue-name "$name" 2>&1); then fail "a deleted queue was found: $error"; fi
[[ $error == *NonExistentQueue* || $error == *QueueDoesNotExist* ]] || fail "a deleted queue: $error"
