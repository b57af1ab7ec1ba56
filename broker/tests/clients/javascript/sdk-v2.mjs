// The SDK for JavaScript, version 2: JSON for SQS, Query for SNS. It checks the MD5 of what it sends and receives.

import assert from "node:assert/strict";
import AWS from "aws-sdk";

const options = { endpoint: process.env.AWS_ENDPOINT_URL, region: process.env.AWS_REGION };
const sqs = new AWS.SQS(options);
const sns = new AWS.SNS(options);

async function receive(QueueUrl, parameters = {}) {
  const received = await sqs.receiveMessage({ QueueUrl, WaitTimeSeconds: 5, ...parameters }).promise();
  return received.Messages ?? [];
}

/** Receives and deletes `count` messages. Returns their bodies in the order of arrival. */
async function drain(QueueUrl, count) {
  const bodies = [];
  while (bodies.length < count) {
    const messages = await receive(QueueUrl, { MaxNumberOfMessages: 10 });
    assert.notEqual(messages.length, 0, `${bodies.length} of ${count} messages came`);
    bodies.push(...messages.map((message) => message.Body));
    const Entries = messages.map(({ ReceiptHandle }, i) => ({ Id: `${i}`, ReceiptHandle }));
    const deleted = await sqs.deleteMessageBatch({ QueueUrl, Entries }).promise();
    assert.equal(deleted.Successful.length, messages.length);
  }
  return bodies;
}

async function oneMessage(QueueUrl) {
  const MessageAttributes = {
    text: { DataType: "String", StringValue: "ü & <b>" },
    bytes: { DataType: "Binary", BinaryValue: Buffer.from([0, 1, 254, 255]) },
  };
  const sent = await sqs.sendMessage({ QueueUrl, MessageBody: "first: ü & <b>\t\n", MessageAttributes }).promise();
  const asked = { MessageAttributeNames: ["All"], AttributeNames: ["All"] };
  const [message] = await receive(QueueUrl, asked);
  assert.equal(message.MessageId, sent.MessageId);
  assert.equal(message.Body, "first: ü & <b>\t\n");
  assert.equal(message.MessageAttributes.text.StringValue, "ü & <b>");
  assert.deepEqual([...message.MessageAttributes.bytes.BinaryValue], [0, 1, 254, 255]);
  const { ReceiptHandle } = message;
  await sqs.changeMessageVisibility({ QueueUrl, ReceiptHandle, VisibilityTimeout: 0 }).promise();
  const [again] = await receive(QueueUrl, asked);
  assert.equal(again.Attributes.ApproximateReceiveCount, "2");
  await sqs.deleteMessage({ QueueUrl, ReceiptHandle: again.ReceiptHandle }).promise();
}

async function batch(QueueUrl) {
  const bodies = Array.from({ length: 10 }, (_, i) => `body ${i}`);
  const Entries = bodies.map((MessageBody, i) => ({ Id: `e${i}`, MessageBody }));
  const sent = await sqs.sendMessageBatch({ QueueUrl, Entries }).promise();
  assert.equal(sent.Successful.length, 10);
  assert.deepEqual((await drain(QueueUrl, 10)).sort(), bodies);
}

async function longPoll(QueueUrl) {
  const waiting = drain(QueueUrl, 1);
  await new Promise((resolve) => setTimeout(resolve, 500));
  await sqs.sendMessage({ QueueUrl, MessageBody: "late" }).promise();
  assert.deepEqual(await waiting, ["late"]);
}

async function fifo() {
  const Attributes = { FifoQueue: "true", ContentBasedDeduplication: "true" };
  const { QueueUrl } = await sqs.createQueue({ QueueName: "javascript-v2.fifo", Attributes }).promise();
  for (const MessageBody of ["1", "2", "2", "3"]) {
    await sqs.sendMessage({ QueueUrl, MessageBody, MessageGroupId: "g" }).promise();
  }
  assert.deepEqual(await drain(QueueUrl, 3), ["1", "2", "3"]);
  assert.deepEqual(await receive(QueueUrl, { WaitTimeSeconds: 0 }), []);
}

async function topic(QueueUrl) {
  const { Attributes } = await sqs.getQueueAttributes({ QueueUrl, AttributeNames: ["QueueArn"] }).promise();
  const { TopicArn } = await sns.createTopic({ Name: "javascript-v2" }).promise();
  const subscription = { RawMessageDelivery: "true", FilterPolicy: '{"plan":["gold"]}' };
  const Endpoint = Attributes.QueueArn;
  await sns.subscribe({ TopicArn, Protocol: "sqs", Endpoint, Attributes: subscription }).promise();
  for (const plan of ["free", "gold"]) {
    const MessageAttributes = { plan: { DataType: "String", StringValue: plan } };
    await sns.publish({ TopicArn, Message: `to ${plan}`, MessageAttributes }).promise();
  }
  assert.deepEqual(await drain(QueueUrl, 1), ["to gold"]);
  await sns.deleteTopic({ TopicArn }).promise();
}

const { QueueUrl } = await sqs.createQueue({ QueueName: "javascript-v2" }).promise();
assert.equal((await sqs.getQueueUrl({ QueueName: "javascript-v2" }).promise()).QueueUrl, QueueUrl);
await oneMessage(QueueUrl);
await batch(QueueUrl);
await longPoll(QueueUrl);
await fifo();
await topic(QueueUrl);
await sqs.deleteQueue({ QueueUrl }).promise();
await assert.rejects(sqs.getQueueUrl({ QueueName: "javascript-v2" }).promise(), {
  code: /NonExistentQueue|QueueDoesNotExist/,
});
