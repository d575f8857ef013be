//! Puts the schema together from its parts, one file per resource.

use async_graphql::dynamic::{
    Enum, InputObject, Interface, InterfaceField, Object, Schema, Subscription, TypeRef,
};
use countersign_domain::id::TenantId;
use countersign_policies::{Engine, Row};
use thiserror::Error;

use super::{
    access, accounts, api_tokens, audit_checkpoints, audit_entries, audit_proofs, categories,
    connection, credentials,
    field::{Event, Fields, ObjectBuilder, Source},
    imports,
    kind::{Classified, cedar_schema},
    limits, members, node, permissions, policy_set, previews, roles, scalars, statements,
    subscriptions, tenants, transactions, user_errors,
    validation::StopBeforeExecution,
    viewer,
};

/// Why the schema can not be built; the server does not start then.
#[derive(Debug, Error)]
pub enum BuildError {
    /// Fields that the policies' schema has no action for. Nobody could be let in to them.
    #[error("`actions.cedarschema` is not what the fields say of themselves: {}. Say what each is (`Kind`), and run `cargo generate`", .0.join(", "))]
    Unclassified(Vec<String>),
    /// The types do not fit together.
    #[error("the GraphQL schema does not fit together")]
    Schema(#[source] async_graphql::dynamic::SchemaError),
    /// The SDL that was just written does not parse.
    #[error("the schema's own SDL does not parse")]
    Sdl(#[source] async_graphql_parser::Error),
    /// The web app's documents are not a manifest.
    #[error("the web app's documents are not a manifest")]
    Documents(#[source] serde_json::Error),
}

/// The root types, which every resource adds its fields to.
pub(super) struct RootValue;

/// What the resources add themselves to.
pub(super) struct Parts<'e> {
    pub(super) engine: &'e Engine,
    objects: Vec<Object>,
    fields: Fields,
    inputs: Vec<InputObject>,
    enums: Vec<Enum>,
    classified: Vec<Classified>,
    unclassified: Vec<String>,
    query: Option<ObjectBuilder<'e, RootValue>>,
    mutation: Option<ObjectBuilder<'e, RootValue>>,
    subscription: Option<ObjectBuilder<'e, Event>>,
}

super::connection::without_row!(RootValue);

impl<'e> Parts<'e> {
    pub(super) fn object<T: Source>(&mut self, builder: ObjectBuilder<'e, T>) {
        let mut made = builder.finish();
        self.unclassified.append(&mut made.unclassified);
        self.classified.append(&mut made.classified);
        self.objects.push(self.fields.insert(made));
    }

    /// The type of subscriptions, which async-graphql knows apart from objects.
    fn events(&mut self, builder: ObjectBuilder<'e, Event>) -> Subscription {
        let mut made = builder.finish();
        self.unclassified.append(&mut made.unclassified);
        self.classified.append(&mut made.classified);
        let events = std::mem::take(&mut made.events);
        self.fields.insert(made);
        let root = Subscription::new("Subscription").description("What goes on.");
        events.into_iter().fold(root, Subscription::field)
    }

    pub(super) fn input(&mut self, input: InputObject) {
        self.inputs.push(input);
    }

    pub(super) fn enumeration(&mut self, enumeration: Enum) {
        self.enums.push(enumeration);
    }

    /// Adds fields to `Query`.
    pub(super) fn query(
        &mut self,
        add: impl FnOnce(ObjectBuilder<'e, RootValue>) -> ObjectBuilder<'e, RootValue>,
    ) {
        self.query = self.query.take().map(add);
    }

    /// Adds fields to `Mutation`.
    pub(super) fn mutation(
        &mut self,
        add: impl FnOnce(ObjectBuilder<'e, RootValue>) -> ObjectBuilder<'e, RootValue>,
    ) {
        self.mutation = self.mutation.take().map(add);
    }

    /// Adds fields to `Subscription`.
    pub(super) fn subscription(
        &mut self,
        add: impl FnOnce(ObjectBuilder<'e, Event>) -> ObjectBuilder<'e, Event>,
    ) {
        self.subscription = self.subscription.take().map(add);
    }
}

/// Whether errors of validation name what may have been meant, which tells what there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Suggestions {
    Off,
    On,
}

/// All parts, and the type of subscriptions.
fn register(engine: &Engine) -> (Parts<'_>, Option<Subscription>) {
    let mut parts = Parts {
        engine,
        objects: Vec::new(),
        fields: Fields::default(),
        inputs: Vec::new(),
        enums: Vec::new(),
        classified: Vec::new(),
        unclassified: Vec::new(),
        query: Some(ObjectBuilder::root(engine, "Query", "What can be read.")),
        mutation: Some(ObjectBuilder::root(engine, "Mutation", "What can be done.")),
        subscription: Some(ObjectBuilder::root(engine, "Subscription", "What goes on.")),
    };
    connection::register_page_info(&mut parts);
    user_errors::register(&mut parts);
    node::register(&mut parts);
    viewer::register(&mut parts);
    access::register(&mut parts);
    permissions::register(&mut parts);
    policy_set::register(&mut parts);
    tenants::register(&mut parts);
    members::register(&mut parts);
    roles::register(&mut parts);
    previews::register(&mut parts);
    accounts::register(&mut parts);
    transactions::register(&mut parts);
    categories::register(&mut parts);
    statements::register(&mut parts);
    imports::register(&mut parts);
    api_tokens::register(&mut parts);
    credentials::register(&mut parts);
    audit_entries::register(&mut parts);
    audit_checkpoints::register(&mut parts);
    audit_proofs::register(&mut parts);
    subscriptions::register(&mut parts);
    for root in [parts.query.take(), parts.mutation.take()]
        .into_iter()
        .flatten()
    {
        parts.object(root);
    }
    let subscription = parts.subscription.take().map(|root| parts.events(root));
    (parts, subscription)
}

/// The policies' schema of actions, as the fields say what they are.
pub(super) fn actions(engine: &Engine) -> String {
    let (parts, _) = register(engine);
    cedar_schema(&parts.classified)
}

/// Builds the schema, every field of it bound to its Cedar action.
pub(super) fn build(
    engine: &Engine,
    suggestions: Suggestions,
) -> Result<(Schema, Fields), BuildError> {
    let (parts, subscription) = register(engine);
    if !parts.unclassified.is_empty() {
        return Err(BuildError::Unclassified(parts.unclassified));
    }
    let mut builder = Schema::build("Query", Some("Mutation"), Some("Subscription"))
        .extension(StopBeforeExecution)
        .limit_recursive_depth(limits::NESTING_MAX)
        .register(node_interface());
    if suggestions == Suggestions::Off {
        builder = builder.disable_suggestions();
    }
    for scalar in scalars::all() {
        builder = builder.register(scalar);
    }
    for enumeration in parts.enums {
        builder = builder.register(enumeration);
    }
    for input in parts.inputs {
        builder = builder.register(input);
    }
    for object in parts.objects {
        builder = builder.register(object);
    }
    if let Some(subscription) = subscription {
        builder = builder.register(subscription);
    }
    let schema = builder.finish().map_err(BuildError::Schema)?;
    Ok((schema, parts.fields))
}

fn node_interface() -> Interface {
    Interface::new("Node")
        .description("Anything with an id.")
        .field(
            InterfaceField::new("id", TypeRef::named_nn(TypeRef::ID))
                .description("A typed, prefixed UUIDv7."),
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graphql::{kind::Kind, value::Leaf};

    /// A schema with one more field, of a type that policies know.
    fn with_field(
        add: impl FnOnce(ObjectBuilder<'_, RootValue>) -> ObjectBuilder<'_, RootValue>,
    ) -> Vec<String> {
        let engine = Engine::embedded().unwrap();
        let category = ObjectBuilder::<RootValue>::new(&engine, "Category", "");
        add(category).finish().unclassified
    }

    fn name<'e>(
        category: ObjectBuilder<'e, RootValue>,
        field: &'static str,
    ) -> ObjectBuilder<'e, RootValue> {
        let text = TypeRef::named(TypeRef::STRING);
        category.value(field, text, "", |_| Some(Leaf::from("")))
    }

    #[test]
    fn a_field_says_what_it_is_and_the_policies_say_the_same() {
        let none: Vec<String> = Vec::new();
        assert_eq!(with_field(|c| name(c.of(Kind::Basic), "name")), none);
        let unclassified = vec!["Category.name".to_owned()];
        // It says nothing, or another kind or resource than the policies are checked by; saying it of the
        // field before is not enough.
        assert_eq!(with_field(|c| name(c, "name")), unclassified);
        assert_eq!(
            with_field(|c| name(c.of(Kind::Personal), "name")),
            unclassified
        );
        assert_eq!(
            with_field(|c| name(c.of(Kind::Basic).on("Books"), "name")),
            unclassified
        );
        assert_eq!(
            with_field(|c| name(name(c.of(Kind::Basic), "id"), "name")),
            unclassified
        );
        // And a field that the policies know nothing of.
        let new = with_field(|c| name(c.of(Kind::Basic), "colour"));
        assert_eq!(new, ["Category.colour"]);
    }

    #[test]
    fn a_kind_with_more_groups_is_in_all_of_them() {
        let engine = Engine::embedded().unwrap();
        let action = engine.action("Mutation.createApiToken").unwrap();
        let classified = |kind| Classified {
            object: "Mutation",
            field: "createApiToken",
            kind,
            resource: "Books",
        };
        assert!(classified(Kind::AdminToken).is_action(&engine, action));
        assert!(!classified(Kind::AdminMember).is_action(&engine, action));
        assert!(!classified(Kind::Token).is_action(&engine, action));
    }
}
