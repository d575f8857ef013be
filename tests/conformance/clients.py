"""The Python client (PyPI `gql`) against a running server:

python tests/conformance/clients.py http://localhost:8080/graphql cst_…
"""

import sys
import uuid

from gql import Client, gql
from gql.transport.exceptions import TransportQueryError
from gql.transport.aiohttp import AIOHTTPTransport

PAGE = gql(
    """query Page($first: Int!, $after: String) {
      accounts(first: $first, after: $after) { edges { cursor node { id name } } pageInfo { hasNextPage endCursor } }
    }"""
)
MAKE = gql(
    """mutation Make($name: String!) {
      createCategory(input: { name: $name }) { category { id name } userErrors { code message field } }
    }"""
)
PAGE_OF_ONE = gql("{ accounts(first: 1) { nodes { id } } }")
MISSING = gql("query Missing($id: ID!) { node(id: $id) { id } }")
NOWHERE = "acc_00000000000070008000000000000001"


def client(url, token, *, schema=False):
    headers = {"authorization": f"Bearer {token}", "idempotency-key": str(uuid.uuid4())}
    transport = AIOHTTPTransport(url=url, headers=headers)
    return Client(transport=transport, fetch_schema_from_transport=schema)


def run(url, token, document, **variables):
    document.variable_values = variables
    return client(url, token).execute(document)


def pages(url, token):
    first = run(url, token, PAGE, first=1)["accounts"]
    assert first["pageInfo"]["hasNextPage"], first
    following = run(url, token, PAGE, first=1, after=first["pageInfo"]["endCursor"])["accounts"]
    assert following["edges"][0]["node"]["id"] != first["edges"][0]["node"]["id"]


def makes(url, token):
    name = f"gql {uuid.uuid4()}"
    made = run(url, token, MAKE, name=name)["createCategory"]
    assert made["category"]["name"] == name, made
    faulty = run(url, token, MAKE, name=" ")["createCategory"]
    assert faulty["userErrors"][0]["code"] == "INVALID", faulty


def hears_the_code(url, token):
    try:
        run(url, token, MISSING, id=NOWHERE)
    except TransportQueryError as error:
        assert error.errors[0]["extensions"]["code"] == "NOT_FOUND", error.errors
    else:
        raise AssertionError("it was found")


def learns_the_schema(url, token):
    learner = client(url, token, schema=True)
    learner.execute(PAGE_OF_ONE)
    fields = learner.schema.query_type.fields
    assert "transactions" in fields and "accounts" in fields


def main():
    _, url, token = sys.argv
    failed = 0
    for errand in (pages, makes, hears_the_code, learns_the_schema):
        name = errand.__name__.replace("_", " ")
        try:
            errand(url, token)
            print(f"ok gql: {name}")
        except Exception as error:  # whatever it is, it is told
            failed += 1
            print(f"FAILED gql: {name}: {error!r}")
    sys.exit(1 if failed else 0)


main()
