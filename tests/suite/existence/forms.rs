//! The ways to name a thing in a request.

/// Of each sort one, with whether it is a dry run: looked up, filtered by, changed.
pub(super) const SOME: [(&str, bool); 4] = [
    (LOOK, false),
    (LOOK, true),
    (
        "query($id: ID!) { transactions(filter: { accountId: $id }) { nodes { id } } }",
        false,
    ),
    (
        "mutation($id: ID!) { categorizeTransaction(input: { transactionId: $id }) { userErrors { code } } }",
        false,
    ),
];

/// All of them, each also as a dry run.
pub(super) fn every() -> Vec<(&'static str, bool)> {
    let both = |form: &&'static str| [(*form, false), (*form, true)];
    EVERY.iter().flat_map(both).collect()
}

/// Looks a thing up by its id.
pub(super) const LOOK: &str = "query($id: ID!) { node(id: $id) { id } }";

/// Asks what it may do.
pub(super) const MAY: &str = "query($id: ID!) { accessOf(principalId: $id) { action } }";

/// All of them, and what may be wrong beside it.
const EVERY: &[&str] = &[
    LOOK,
    "query($id: ID!) { one: node(id: $id) { id } viewer { kind } }",
    "query($id: ID!) { nodes(ids: [$id]) { id } }",
    "query($id: ID!) { nodes(ids: [$id, $id]) { __typename } }",
    "query($id: ID!) { viewer { kind } node(id: $id) @skip(if: true) { id } }",
    "query($id: ID!) { ... on Query @include(if: false) { node(id: $id) { id } } viewer { kind } }",
    "query($id: ID!) { transactions(filter: { accountId: $id }) { nodes { id } } }",
    "query($id: ID!) { transactions(filter: { categoryId: $id }) { totalCount } }",
    "query($id: ID!) { explainAccess(action: \"Transaction.amount\", nodeId: $id) { decision } }",
    "query($id: ID!) { explainAccess(action: \"nothing\", nodeId: $id) { decision } }",
    "query($id: ID!) { explainAccessOf(action: \"Transaction.amount\", principalId: $id) { decision } }",
    MAY,
    "query($id: ID!) { previewRemoveMember(input: { memberId: $id }) { memberCount } }",
    "query($id: ID!) { previewMember(input: { memberId: $id, role: \"owner\" }) { memberCount } }",
    "query($id: ID!) { previewRole(input: { roleId: $id, baseRole: \"worker\" }) { memberCount } }",
    "mutation($id: ID!) { categorizeTransaction(input: { transactionId: $id }) { userErrors { code } } }",
    "mutation($id: ID!) { categorizeTransaction(input: { transactionId: $id, categoryId: $id }) { userErrors { code } } }",
    "mutation($id: ID!) { createAccount(input: { name: \"x\", currency: \"EUR\", custodianId: $id, personal: false }) { userErrors { code } } }",
    "mutation($id: ID!) { importStatement(input: { fileName: \"x\", content: \"eA==\", accountId: $id }) { userErrors { code } } }",
    "mutation($id: ID!) { revokeApiToken(input: { apiTokenId: $id }) { userErrors { code } } }",
    "mutation($id: ID!) { updateRole(input: { roleId: $id, name: \"x\" }) { userErrors { code } } }",
    "mutation($id: ID!) { deleteRole(input: { roleId: $id }) { userErrors { code } } }",
    "mutation($id: ID!) { updateMember(input: { memberId: $id, role: \"worker\" }) { userErrors { code } } }",
    "mutation($id: ID!) { removeMember(input: { memberId: $id }) { userErrors { code } } }",
    "query($id: ID!) { node(id: $id) { id nothing } }",
    "query($id: ID!, $n: Int!) { node(id: $id) { id } accounts(first: $n) { nodes { id } } }",
    "query($id: ID!) { node(id: $id) { id } __schema { types { name } } }",
];
