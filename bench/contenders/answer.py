"""Lines of JSON to the benchmark."""
import json


def reply(**message):
    print(json.dumps(message), flush=True)
