# SPDX-License-Identifier: Apache-2.0
"""Every answer of the API is what its OpenAPI document promises: status, media type, document."""
import json
import re

import jsonschema


class Contract:
    def __init__(self, openapi):
        self.openapi = openapi
        self.called = set()
        self.paths = [(re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path) + "$"), path, methods)
                      for path, methods in openapi["paths"].items()]
        self.paths.sort(key=lambda p: p[1].count("{"))  # a fixed path is meant before a pattern

    def operation(self, method, target):
        path = target.split("?")[0]
        for pattern, name, methods in self.paths:
            if pattern.match(path) and method.lower() in methods:
                return name, methods[method.lower()]
        return None, None

    def check(self, method, target, status, content_type, text):
        name, operation = self.operation(method, target)
        if operation is None:
            assert status in (400, 404, 405, 413, 414, 431), (method, target, status)
            return
        self.called.add(operation["operationId"])
        answer = operation["responses"].get(str(status))
        if answer is None:
            assert status >= 400, f"{method} {name} answered {status}, which is not declared"
            answer = operation["responses"]["default"]
        content = answer.get("content") or {}
        if not content:
            assert not text or "json" not in content_type or name.endswith("openapi.json"), f"{method} {name}: {status} has a body"
            return
        media = content_type.split(";")[0]
        assert media in content, f"{method} {name}: {status} is {content_type}"
        if "json" in media:
            schema = dict(content[media]["schema"], components=self.openapi["components"])
            jsonschema.Draft202012Validator(schema).validate(json.loads(text))
