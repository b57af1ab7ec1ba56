"""Lets aws-sns-message-validator judge every envelope of a directory.

It verifies SHA-1 whatever version it is set to expect, so that envelopes of version 2 are refused, those of SNS too.
"""

import json
import pathlib
import sys

from sns_message_validator import SNSMessageValidator

wrong = 0
for file in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    envelope = json.loads(file.read_text("utf-8"))
    expected = ".changed." not in file.name and envelope["SignatureVersion"] == "1"
    try:
        SNSMessageValidator(signature_version=envelope["SignatureVersion"]).validate_message(envelope)
        found, said = True, "accepted"
    except Exception as refusal:
        found, said = False, f"refused ({refusal})"
    wrong += found != expected
    print("ok  " if found == expected else "FAIL", f"{file.name}: {said}")
sys.exit(wrong != 0)
