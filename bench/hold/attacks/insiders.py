"""Clients with a key that is not theirs: what one leaked key can destroy."""

from attacks import Outcome, attack
from broker import Broker
from client import Client

ROOT = ("111122223333", "AKIAROOT", "root-secret")
SHOP = ("111122223333", "AKIASHOP", "shop-secret")


def users(policy):
    """The account itself and a producer, with a policy in TOML or without one."""
    entry = '[[users]]\nname = "{}"\naccount = "{}"\naccess_key_id = "{}"\nsecret_access_key = "{}"\n'
    return entry.format("root", *ROOT) + entry.format("shop", *SHOP) + policy


@attack
def leaked_key(program):
    """The key of a producer of one queue leaks, and deletes all queues of the account. The producer has a policy where the program knows policies."""
    policy = 'policy = { Statement = [{ Effect = "Allow", Action = "sqs:SendMessage", Resource = "arn:aws:sqs:*:*:q0" }] }\n'
    try:
        broker, known = Broker(program, sections=users(policy)), "with a policy"
    except RuntimeError:
        broker, known = Broker(program, sections=users("")), "no policies known"
    with broker:
        owner, thief = Client(broker.port, ROOT), Client(broker.port, SHOP)
        urls = [owner.queue(f"q{number}") for number in range(10)]
        sends = sum(thief.call("SendMessage", QueueUrl=url, MessageBody="m")[0] == 200 for url in urls)
        statuses = [thief.call("DeleteQueue", QueueUrl=url)[0] for url in urls]
        _, answer = owner.call("ListQueues")
        left = len(answer.get("QueueUrls", []))
        seen = f"{known}: sends taken by {sends} of 10 queues, deletions answered {sorted(set(statuses))}, {left} queues left"
        return Outcome(broker.peak_kib, None, seen, broker.complaints())
