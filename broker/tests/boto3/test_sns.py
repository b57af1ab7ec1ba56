"""Every action of SNS through boto3, as its documentation describes them."""

import json
import uuid

import boto3
import pytest
from botocore.exceptions import ClientError


def receive(sqs, url):
    arguments = {"MaxNumberOfMessages": 10, "WaitTimeSeconds": 2, "MessageAttributeNames": ["All"]}
    return sqs.receive_message(QueueUrl=url, **arguments).get("Messages", [])


def bodies(messages):
    return [message["Body"] for message in messages]


def items(client, action, member, **arguments):
    """All pages of a listing."""
    pages = client.get_paginator(action).paginate(**arguments)
    return [item for page in pages for item in page[member]]


def subscribe(sns, topic, endpoint, **attributes):
    return sns.subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=endpoint, Attributes=attributes, ReturnSubscriptionArn=True
    )["SubscriptionArn"]


def test_a_topic_is_created_listed_and_deleted(sns):
    name = f"life-{uuid.uuid4()}"
    tags = [{"Key": "team", "Value": "mail"}]
    arn = sns.create_topic(Name=name, Attributes={"DisplayName": "Orders"}, Tags=tags)["TopicArn"]
    assert sns.create_topic(Name=name, Attributes={"DisplayName": "Orders"}, Tags=tags)["TopicArn"] == arn
    assert {"TopicArn": arn} in items(sns, "list_topics", "Topics")
    sns.delete_topic(TopicArn=arn)
    with pytest.raises(sns.exceptions.NotFoundException):
        sns.get_topic_attributes(TopicArn=arn)


def test_topic_attributes(sns, topic):
    sns.set_topic_attributes(TopicArn=topic, AttributeName="DisplayName", AttributeValue="Orders")
    attributes = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert (attributes["DisplayName"], attributes["TopicArn"]) == ("Orders", topic)
    assert json.loads(attributes["Policy"])["Statement"]
    assert json.loads(attributes["EffectiveDeliveryPolicy"])["http"]


def test_tags(sns, topic):
    sns.tag_resource(ResourceArn=topic, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    sns.untag_resource(ResourceArn=topic, TagKeys=["a"])
    assert sns.list_tags_for_resource(ResourceArn=topic)["Tags"] == [{"Key": "b", "Value": "2"}]


def test_data_protection(sns, topic):
    policy = json.dumps({"Name": "p", "Version": "2021-06-01", "Statement": []})
    sns.put_data_protection_policy(ResourceArn=topic, DataProtectionPolicy=policy)
    assert sns.get_data_protection_policy(ResourceArn=topic)["DataProtectionPolicy"] == policy


def test_a_message_goes_through(sns, sqs, topic, arn):
    raw, wrapped = (sqs.create_queue(QueueName=f"sns-{uuid.uuid4()}")["QueueUrl"] for _ in range(2))
    subscribe(sns, topic, arn(raw), RawMessageDelivery="true")
    subscribe(sns, topic, arn(wrapped))
    body = "ü 漢 😀 <&> \"'\" \t\r\n"
    attributes = {
        "text": {"DataType": "String", "StringValue": "ü <&>"},
        "number": {"DataType": "Number", "StringValue": "42"},
        "bytes": {"DataType": "Binary", "BinaryValue": bytes(range(256))},
        "array": {"DataType": "String.Array", "StringValue": '["a", 1, true, null]'},
    }
    published = sns.publish(TopicArn=topic, Message=body, Subject="Hello", MessageAttributes=attributes)
    (message,) = receive(sqs, raw)
    assert message["Body"] == body
    assert message["MessageAttributes"] == attributes
    (message,) = receive(sqs, wrapped)
    envelope = json.loads(message["Body"])
    assert (envelope["MessageId"], envelope["TopicArn"]) == (published["MessageId"], topic)
    assert (envelope["Message"], envelope["Subject"]) == (body, "Hello")
    assert envelope["MessageAttributes"]["array"] == {"Type": "String.Array", "Value": '["a", 1, true, null]'}


def test_batches(sns, sqs, topic, queue, arn):
    subscribe(sns, topic, arn(queue), RawMessageDelivery="true")
    entries = [{"Id": str(number), "Message": f"m{number}"} for number in range(9)]
    entries.append({"Id": "wrong", "Message": "m", "Subject": "a\nb"})
    output = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    assert [entry["Id"] for entry in output["Successful"]] == [str(number) for number in range(9)]
    (failed,) = output["Failed"]
    assert (failed["Id"], failed["Code"], failed["SenderFault"]) == ("wrong", "InvalidParameter", True)
    assert bodies(receive(sqs, queue)) == [f"m{number}" for number in range(9)]


def test_filter_policies(sns, sqs, topic, queue, arn):
    policy = {"colour": ["red", {"prefix": "dark-"}], "size": [{"numeric": [">", 1, "<=", 5]}]}
    subscribe(sns, topic, arn(queue), RawMessageDelivery="true", FilterPolicy=json.dumps(policy))
    for colour, size in [("red", 2), ("red", 1), ("dark-blue", 5), ("blue", 5)]:
        attributes = {
            "colour": {"DataType": "String", "StringValue": colour},
            "size": {"DataType": "Number", "StringValue": str(size)},
        }
        sns.publish(TopicArn=topic, Message=f"{colour} {size}", MessageAttributes=attributes)
    assert bodies(receive(sqs, queue)) == ["red 2", "dark-blue 5"]


def test_fifo(sns, sqs, fifo, arn):
    attributes = {"FifoTopic": "true", "ContentBasedDeduplication": "true"}
    topic = sns.create_topic(Name=f"boto3-{uuid.uuid4()}.fifo", Attributes=attributes)["TopicArn"]
    subscribe(sns, topic, arn(fifo), RawMessageDelivery="true")
    first = sns.publish(TopicArn=topic, Message="1", MessageGroupId="g")
    again = sns.publish(TopicArn=topic, Message="1", MessageGroupId="g")
    assert (again["MessageId"], again["SequenceNumber"]) == (first["MessageId"], first["SequenceNumber"])
    sns.publish(TopicArn=topic, Message="2", MessageGroupId="g")
    assert bodies(receive(sqs, fifo)) == ["1", "2"]


def test_subscriptions(sns, topic, queue, arn):
    subscription = subscribe(sns, topic, arn(queue))
    sns.set_subscription_attributes(
        SubscriptionArn=subscription, AttributeName="RawMessageDelivery", AttributeValue="true"
    )
    attributes = sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]
    assert (attributes["RawMessageDelivery"], attributes["Endpoint"]) == ("true", arn(queue))
    for action, arguments in [("list_subscriptions", {}), ("list_subscriptions_by_topic", {"TopicArn": topic})]:
        listed = items(sns, action, "Subscriptions", **arguments)
        assert subscription in [item["SubscriptionArn"] for item in listed]
    sns.unsubscribe(SubscriptionArn=subscription)
    assert items(sns, "list_subscriptions_by_topic", "Subscriptions", TopicArn=topic) == []


def test_a_wrong_token_is_refused(sns, topic):
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="reader@example.com")
    with pytest.raises(sns.exceptions.InvalidParameterException):
        sns.confirm_subscription(TopicArn=topic, Token="0" * 64)


def test_permissions(sns, topic):
    sns.add_permission(TopicArn=topic, Label="l", AWSAccountId=["123456789012"], ActionName=["Publish"])
    other = boto3.client("sns", aws_access_key_id="123456789012", aws_secret_access_key="any")
    other.publish(TopicArn=topic, Message="m")
    sns.remove_permission(TopicArn=topic, Label="l")
    with pytest.raises(sns.exceptions.AuthorizationErrorException):
        other.publish(TopicArn=topic, Message="m")


def test_platform_applications_and_endpoints(sns):
    application = sns.create_platform_application(
        Name=f"app-{uuid.uuid4()}", Platform="GCM", Attributes={"PlatformCredential": "key"}
    )["PlatformApplicationArn"]
    failure = {"FailureFeedbackRoleArn": "arn:aws:iam::000000000000:role/feedback"}
    sns.set_platform_application_attributes(PlatformApplicationArn=application, Attributes=failure)
    attributes = sns.get_platform_application_attributes(PlatformApplicationArn=application)["Attributes"]
    assert (attributes | failure, attributes["Enabled"]) == (attributes, "true")
    listed = items(sns, "list_platform_applications", "PlatformApplications")
    assert application in [item["PlatformApplicationArn"] for item in listed]
    endpoint = sns.create_platform_endpoint(PlatformApplicationArn=application, Token="device")["EndpointArn"]
    sns.publish(TargetArn=endpoint, Message="m")
    sns.set_endpoint_attributes(EndpointArn=endpoint, Attributes={"Enabled": "false"})
    assert sns.get_endpoint_attributes(EndpointArn=endpoint)["Attributes"] == {"Enabled": "false", "Token": "device"}
    with pytest.raises(sns.exceptions.EndpointDisabledException):
        sns.publish(TargetArn=endpoint, Message="m")
    arguments = {"PlatformApplicationArn": application}
    listed = items(sns, "list_endpoints_by_platform_application", "Endpoints", **arguments)
    assert [item["EndpointArn"] for item in listed] == [endpoint]
    sns.delete_endpoint(EndpointArn=endpoint)
    sns.delete_platform_application(PlatformApplicationArn=application)
    with pytest.raises(sns.exceptions.NotFoundException):
        sns.get_platform_application_attributes(PlatformApplicationArn=application)


def test_sms(sns):
    assert sns.publish(PhoneNumber="+15550100100", Message="m")["MessageId"]
    sns.set_sms_attributes(attributes={"DefaultSMSType": "Transactional"})
    shown = sns.get_sms_attributes(attributes=["DefaultSMSType"])["attributes"]
    assert shown == {"DefaultSMSType": "Transactional"}
    assert sns.check_if_phone_number_is_opted_out(phoneNumber="+15550100100")["isOptedOut"] is False
    assert items(sns, "list_phone_numbers_opted_out", "phoneNumbers") == []
    sns.opt_in_phone_number(phoneNumber="+15550100100")


def test_the_sms_sandbox(sns):
    number = "+15550100199"
    sns.create_sms_sandbox_phone_number(PhoneNumber=number, LanguageCode="en-GB")
    listed = items(sns, "list_sms_sandbox_phone_numbers", "PhoneNumbers")
    assert {"PhoneNumber": number, "Status": "Pending"} in listed
    with pytest.raises(sns.exceptions.VerificationException):
        sns.verify_sms_sandbox_phone_number(PhoneNumber=number, OneTimePassword="00000")
    sns.delete_sms_sandbox_phone_number(PhoneNumber=number)
    assert sns.get_sms_sandbox_account_status()["IsInSandbox"] is False
    assert items(sns, "list_origination_numbers", "PhoneNumbers") == []


NOWHERE = "arn:aws:sns:us-east-1:000000000000:never-created"
ERRORS = [
    ("publish", {"TopicArn": NOWHERE, "Message": "m"}, "NotFoundException", "NotFound"),
    ("publish", {"Message": ""}, "InvalidParameterException", "InvalidParameter"),
    ("publish", {"Message": "m", "Subject": "s" * 100}, "InvalidParameterException", "InvalidParameter"),
    (
        "publish",
        {"Message": "m", "MessageAttributes": {"a": {"DataType": "Number", "StringValue": "x"}}},
        "InvalidParameterValueException",
        "ParameterValueInvalid",
    ),
    (
        "publish_batch",
        {"PublishBatchRequestEntries": [{"Id": "a", "Message": "m"}] * 2},
        "BatchEntryIdsNotDistinctException",
        "BatchEntryIdsNotDistinct",
    ),
    (
        "publish_batch",
        {"PublishBatchRequestEntries": [{"Id": str(number), "Message": "m"} for number in range(11)]},
        "TooManyEntriesInBatchRequestException",
        "TooManyEntriesInBatchRequest",
    ),
    ("subscribe", {"Protocol": "sqs", "Endpoint": "x"}, "InvalidParameterException", "InvalidParameter"),
    ("tag_resource", {"ResourceArn": NOWHERE, "Tags": []}, "ResourceNotFoundException", "ResourceNotFound"),
]


@pytest.mark.parametrize("method, arguments, exception, code", ERRORS)
def test_errors_have_their_class_and_code(sns, topic, method, arguments, exception, code):
    given = arguments if "ResourceArn" in arguments else {"TopicArn": topic} | arguments
    with pytest.raises(getattr(sns.exceptions, exception)) as refusal:
        getattr(sns, method)(**given)
    error = refusal.value.response["Error"]
    assert (error["Code"], error["Type"]) == (code, "Sender")
    assert error["Message"]
    assert isinstance(refusal.value, ClientError)


def test_the_resource_interface(sqs, queue, arn):
    topic = boto3.resource("sns").create_topic(Name=f"resource-{uuid.uuid4()}")
    subscription = topic.subscribe(Protocol="sqs", Endpoint=arn(queue), ReturnSubscriptionArn=True)
    topic.publish(Message="m")
    (message,) = receive(sqs, queue)
    assert json.loads(message["Body"])["Message"] == "m"
    assert [found.arn for found in topic.subscriptions.all()] == [subscription.arn]
    subscription.delete()
    topic.delete()


def test_every_action_was_called(sns, called_sns):
    """Last, because it looks at what the tests before it did."""
    assert called_sns == set(sns.meta.service_model.operation_names)
