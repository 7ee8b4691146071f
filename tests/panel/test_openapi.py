"""The OpenAPI description agrees with the routes and with their responses."""

from __future__ import annotations

import re
from typing import Any

from irsend.device import load_model
from irsend.device.windows import ITEMS
from irsend.panel import openapi, serializers
from irsend.panel.api import API
from tests.panel.machine import MachineDouble, device_of, said
from tests.panel.served import ServedPanel


def follow(document: Any, schema: Any) -> Any:
    """Return the schema that a reference means."""
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def members(document: Any, schema: Any) -> set[str]:
    """Return the names that a schema of an object requires."""
    schema = follow(document, schema)
    if "allOf" in schema:
        return set().union(*(members(document, part) for part in schema["allOf"]))
    return set(schema["required"])


class OpenAPITests(ServedPanel):
    """OpenAPI 3.1."""

    def setUp(self) -> None:
        """Make the document."""
        super().setUp()
        self.document = openapi.description(load_model("iradvance"), asks_for_password=False)

    def test_routes(self) -> None:
        """Every route is described, and nothing else is."""
        routes = {
            (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
            for rule in API.app.url_map.iter_rules()
            for method in (rule.methods or set()) - {"HEAD"}
        }
        described = {
            (path, method)
            for path, operations in self.document["paths"].items()
            for method in operations
        }
        self.assertEqual(routes, described)

    def test_path_parameters(self) -> None:
        """Each operation describes the parameters that its path has, and no others."""
        for path, operations in self.document["paths"].items():
            for operation in operations.values():
                described = [
                    each["name"]
                    for each in operation.get("parameters", [])
                    if each["in"] == "path"
                ]
                self.assertEqual(described, re.findall(r"{(\w+)}", path))

    def test_operations(self) -> None:
        """Each operation has an id of its own and describes its errors."""
        operations = [one for each in self.document["paths"].values() for one in each.values()]
        names = [one["operationId"] for one in operations]
        self.assertEqual(len(names), len(set(names)))
        for one in operations:
            self.assertIn("application/problem+json", one["responses"]["default"]["content"])

    def test_references(self) -> None:
        """Every reference resolves, and every schema is used."""
        used = set(
            re.findall(r"#/components/schemas/(\w+)", serializers.dumps(self.document).decode())
        )
        self.assertEqual(used, set(self.document["components"]["schemas"]))

    def test_settings(self) -> None:
        """What PATCH takes is made from the model's own items."""
        properties = self.document["components"]["schemas"]["Changes"]["properties"]
        self.assertEqual(list(properties), load_model("iradvance").items())
        self.assertTrue(properties["email_ifax.pop_password"]["writeOnly"])
        other = openapi.description(load_model("ir2200"), asks_for_password=False)
        self.assertNotIn(
            "authent_encryption.allow_ssl_smtp_receive",
            other["components"]["schemas"]["Changes"]["properties"],
        )

    def test_password(self) -> None:
        """With a password set the document says so, and that /healthz needs none."""
        document = openapi.description(load_model("ir2270"), asks_for_password=True)
        self.assertEqual(document["security"], [{"password": []}])
        self.assertEqual(document["paths"]["/healthz"]["get"]["security"], [])
        self.assertNotIn("401", document["paths"]["/healthz"]["get"]["responses"])
        self.assertIn("401", document["paths"]["/api/status"]["get"]["responses"])
        self.assertNotIn("security", self.document)

    def test_taken_as_words(self) -> None:
        """For an item that is on or off the schema accepts both values and their words, and nothing else."""
        properties = openapi.description(load_model("iradvance"), asks_for_password=False)
        schema = properties["components"]["schemas"]["Changes"]["properties"]
        values, words = schema["email_ifax.pop"]["anyOf"]
        self.assertEqual(values, {"enum": [False, True]})
        for word in ("on", "OFF", "True", "yes"):
            self.assertRegex(word, words["pattern"])
            self.assertIn(ITEMS["email_ifax.pop"].kind.read(word), (True, False))
        self.assertNotRegex("only", words["pattern"])
        values, words = schema["authent_encryption.allow_ssl_smtp_receive"]["anyOf"]
        self.assertEqual(values, {"enum": ["off", "on", "ssl", True, False]})
        self.assertRegex("SSL", words["pattern"])

    async def test_answers(self) -> None:
        """The members of real responses are those that the document requires."""
        self.machine = MachineDouble(device=device_of("iradvance"))
        self.serve()
        session = self.machine.device.session_began("smtp-receive", "192.0.2.7")
        self.machine.transcripts[session.id] = said("S: 220 ready")
        self.machine.device.job_accepted("rx", "a@bench.test")
        for path, asked in (
            ("/api/status", "/api/status"),
            ("/api/settings", "/api/settings"),
            ("/api/jobs", "/api/jobs"),
            ("/api/jobs/{number}", "/api/jobs/5001"),
            ("/api/sessions", "/api/sessions"),
            ("/api/sessions/{id}", "/api/sessions/1"),
            ("/api/models", "/api/models"),
            ("/healthz", "/healthz"),
        ):
            content = self.document["paths"][path]["get"]["responses"]["200"]["content"]
            schema = follow(self.document, content["application/json"]["schema"])
            answer = (await self.ask("GET", asked)).json()
            if schema.get("type") == "array":
                schema, answer = schema["items"], answer[0]
            self.assertEqual(set(answer), members(self.document, schema), path)

    async def test_queries(self) -> None:
        """Each operation refuses a parameter of the query that it does not describe."""
        for path, operations in self.document["paths"].items():
            for method, operation in operations.items():
                if path == "/healthz":
                    continue
                described = [
                    each["name"]
                    for each in operation.get("parameters", [])
                    if each["in"] == "query"
                ]
                where = re.sub(r"{\w+}", "1", path)
                problem = await self.refused(400, method.upper(), f"{where}?nonsense=1")
                self.assertIn("'nonsense' is no parameter", problem["detail"], where)
                for name in described:
                    self.assertIn(name, problem["detail"])

    async def test_served(self) -> None:
        """The document is served for the machine's own model."""
        served = (await self.ask("GET", "/api/openapi.json")).json()
        self.assertEqual(served["openapi"], "3.1.1")
        self.assertIn("Canon imageRUNNER 2270", served["info"]["summary"])
