//! The one place where GraphQL fields are made. Law 3: no decision, no field.
//!
//! Every object of the schema is built through [`ObjectBuilder`], and every field that it adds is
//! bound to its Cedar action: the executor reads a field through [`Field::gate`] and in no other
//! way. A field whose action is not in the policies' schema can not be built: the server does not
//! start. The gate sits on the concrete object's field, so that reading through an interface can
//! not go around it.

mod gate;

use std::{collections::HashMap, marker::PhantomData, sync::Arc};

use async_graphql::{
    Value,
    dynamic::{self, FieldFuture, InputValue, SubscriptionField, SubscriptionFieldFuture, TypeRef},
};
use countersign_domain::id::TenantId;
use countersign_policies::{ActionId, Engine, Row};
use futures::{future::BoxFuture, stream};
use uuid::Uuid;

use super::{
    error::GraphqlError,
    inputs::Input,
    kind::{Classified, Kind, resource_of},
    loader::{Load, Relation, To},
    operation::Operation,
    selection::Selected,
    value::{AnyValue, Leaf, Output},
};

/// A value that stands behind an object type, as the policies see it.
pub(super) trait Source: Send + Sync + 'static {
    /// Shows the row to `look`. Types without a row of their own show nothing, and a decision that
    /// depends on a row then refuses.
    fn with_row<T>(&self, tenant: TenantId, look: impl FnOnce(&dyn Row) -> T) -> T;
}

/// What a resolver has at hand.
pub(super) struct Context<'a> {
    pub(super) operation: &'a Operation,
    /// The field's arguments, of the types that the schema says, with defaults put in.
    pub(super) arguments: Input,
    /// The field, with what is selected of its value.
    pub(super) selected: &'a Selected,
    parent: &'a AnyValue,
}

impl<'a> Context<'a> {
    pub(super) const fn new(
        operation: &'a Operation,
        arguments: Input,
        selected: &'a Selected,
        parent: &'a AnyValue,
    ) -> Self {
        Self {
            operation,
            arguments,
            selected,
            parent,
        }
    }

    /// The object that the field is read from.
    pub(super) fn parent<T: 'static>(&self) -> Result<&'a T, GraphqlError> {
        self.parent.downcast_ref::<T>().ok_or_else(|| {
            let expected = std::any::type_name::<T>();
            tracing::error!(expected, "a resolver met another parent");
            GraphqlError::Internal
        })
    }
}

/// What an asynchronous resolver gives back.
pub(super) type Resolved<'a> = BoxFuture<'a, Result<Output, GraphqlError>>;

/// How a field gets its value.
pub(super) enum Resolver {
    /// From the value in hand: a leaf.
    Leaf(Box<LeafOf>),
    /// From the value in hand: objects.
    Inner(Box<InnerOf>),
    /// Another row that the value in hand points to, fetched for many at once.
    Related(Box<dyn Relation>),
    /// From a store or a use case.
    Asked(Box<Asked>),
}

type LeafOf = dyn for<'a> Fn(&'a AnyValue) -> Option<Leaf<'a>> + Send + Sync;
type InnerOf = dyn Fn(&AnyValue) -> Option<Output> + Send + Sync;
type Asked = dyn for<'a> Fn(Context<'a>) -> Resolved<'a> + Send + Sync;

/// A field of an object type.
pub(super) struct Field {
    pub(super) resolver: Resolver,
    /// Whether a refusal is an error and not a hidden value.
    pub(super) is_root: bool,
    action: ActionId,
    shows: gate::Shows,
}

/// The fields of the object types, by the names of both.
#[derive(Default)]
pub(super) struct Fields(HashMap<&'static str, HashMap<&'static str, Arc<Field>>>);

impl Fields {
    pub(super) fn get(&self, ty: &str, field: &str) -> Option<&Arc<Field>> {
        self.0.get(ty)?.get(field)
    }

    pub(super) fn insert(&mut self, made: Made) -> dynamic::Object {
        self.0.insert(made.name, made.fields);
        made.object
    }
}

impl std::fmt::Debug for Fields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

/// An object type that was built.
pub(super) struct Made {
    name: &'static str,
    fields: HashMap<&'static str, Arc<Field>>,
    /// The type as validation and introspection know it. Its resolvers give nothing: async-graphql
    /// does not execute.
    object: dynamic::Object,
    /// The same fields where the type is that of subscriptions.
    pub(super) events: Vec<SubscriptionField>,
    /// What each field is, also those that no action stands for yet.
    pub(super) classified: Vec<Classified>,
    /// Fields that say nothing of what they are, or that the policies' schema has no action for, or another.
    pub(super) unclassified: Vec<String>,
}

/// Builds an object type whose values are `T`.
pub(super) struct ObjectBuilder<'e, T> {
    engine: &'e Engine,
    is_root: bool,
    /// Why and until when the next field is still here.
    deprecation: Option<String>,
    /// What the next field is, and what it is on where that is not what the others are on.
    kind: Option<Kind>,
    resource: Option<&'static str>,
    made: Made,
    source: PhantomData<fn() -> T>,
}

impl<'e, T: Source> ObjectBuilder<'e, T> {
    pub(super) fn new(engine: &'e Engine, name: &'static str, description: &str) -> Self {
        let made = Made {
            name,
            fields: HashMap::new(),
            object: dynamic::Object::new(name).description(description),
            events: Vec::new(),
            classified: Vec::new(),
            unclassified: Vec::new(),
        };
        Self {
            engine,
            is_root: false,
            deprecation: None,
            kind: None,
            resource: None,
            made,
            source: PhantomData,
        }
    }

    /// A root object: a denied field is an error and not a hidden value.
    pub(super) fn root(engine: &'e Engine, name: &'static str, description: &str) -> Self {
        Self {
            is_root: true,
            ..Self::new(engine, name, description)
        }
    }

    pub(super) fn implements(mut self, interface: &str) -> Self {
        self.made.object = self.made.object.implement(interface);
        self
    }

    /// The next field is on its way out: since which day, until which day, and what to do instead.
    /// Days are as ISO 8601 writes them.
    pub(super) fn deprecated(mut self, since: &str, until: &str, instead: &str) -> Self {
        self.deprecation = Some(format!("since {since}, until {until}: {instead}"));
        self
    }

    /// What the next field is: the kind of data that it holds, or of what it does. Every field says so.
    pub(super) const fn of(mut self, kind: Kind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// The type of the policies' schema that the next field is on, where that is not what the object is.
    pub(super) const fn on(mut self, resource: &'static str) -> Self {
        self.resource = Some(resource);
        self
    }

    /// A field that is read from the value in hand.
    pub(super) fn value(
        self,
        name: &'static str,
        ty: TypeRef,
        description: &str,
        get: for<'a> fn(&'a T) -> Option<Leaf<'a>>,
    ) -> Self {
        fn typed<F: for<'a> Fn(&'a AnyValue) -> Option<Leaf<'a>>>(leaf: F) -> F {
            leaf
        }
        let leaf = typed(move |value| value.downcast_ref::<T>().and_then(get));
        self.add(name, ty, description, [], Resolver::Leaf(Box::new(leaf)))
    }

    /// A field whose value is an object or list made from the value in hand.
    pub(super) fn object(
        self,
        name: &'static str,
        ty: TypeRef,
        description: &str,
        get: fn(&T) -> Option<Output>,
    ) -> Self {
        let inner = move |value: &AnyValue| value.downcast_ref::<T>().and_then(get);
        self.add(name, ty, description, [], Resolver::Inner(Box::new(inner)))
    }

    /// A field that asks a store or a use case.
    pub(super) fn resolve(
        self,
        name: &'static str,
        ty: TypeRef,
        description: &str,
        arguments: impl IntoIterator<Item = InputValue>,
        resolver: impl for<'a> Fn(Context<'a>) -> Resolved<'a> + Send + Sync + 'static,
    ) -> Self {
        let resolver = Resolver::Asked(Box::new(resolver));
        self.add(name, ty, description, arguments, resolver)
    }

    /// A field whose value is another row that this one points to; null where it points to none,
    /// or the caller may not know of it.
    pub(super) fn related<R: Load>(
        self,
        name: &'static str,
        of: &'static str,
        description: &str,
        id: fn(&T) -> Option<Uuid>,
    ) -> Self {
        let resolver = Resolver::Related(Box::new(To::<T, R>::new(id)));
        self.add(name, TypeRef::named(of), description, [], resolver)
    }

    /// The only maker of a [`Field`].
    fn add(
        mut self,
        name: &'static str,
        ty: TypeRef,
        description: &str,
        arguments: impl IntoIterator<Item = InputValue>,
        resolver: Resolver,
    ) -> Self {
        let action_name = format!("{}.{name}", self.made.name);
        let own = resource_of(self.made.name);
        let (kind, resource) = (self.kind.take(), self.resource.take().unwrap_or(own));
        let classified = kind.map(|kind| Classified {
            object: self.made.name,
            field: name,
            kind,
            resource,
        });
        let is_so = |found: &ActionId| {
            let classified = classified.as_ref();
            classified.is_some_and(|classified| classified.is_action(self.engine, *found))
        };
        let action = self.engine.action(&action_name).filter(is_so);
        self.made.classified.extend(classified);
        let Some(action) = action else {
            self.made.unclassified.push(action_name);
            return self;
        };
        let described = dynamic::Field::new(name, ty, |_| FieldFuture::Value(None));
        let described = match self.deprecation.take() {
            Some(reason) => described.deprecation(Some(&reason)),
            None => described,
        };
        let described = arguments
            .into_iter()
            .fold(described.description(description), dynamic::Field::argument);
        self.made.object = self.made.object.field(described);
        let field = Field {
            resolver,
            is_root: self.is_root,
            action,
            shows: gate::shows::<T>,
        };
        self.made.fields.insert(name, Arc::new(field));
        self
    }

    /// The type with its fields.
    pub(super) fn finish(self) -> Made {
        self.made
    }
}

/// The value behind `Subscription`: what happened.
pub(super) struct Event(pub(super) Output);

super::connection::without_row!(Event);

impl ObjectBuilder<'_, Event> {
    /// A field of `Subscription`, whose value is what happened.
    pub(super) fn event(
        mut self,
        name: &'static str,
        ty: TypeRef,
        description: &str,
        arguments: impl IntoIterator<Item = InputValue>,
    ) -> Self {
        // It runs nothing, as all that async-graphql is given.
        let described = SubscriptionField::new(name, ty.clone(), |_| {
            SubscriptionFieldFuture::new(async { Ok(stream::empty::<Result<Value, _>>()) })
        });
        let described = arguments.into_iter().fold(
            described.description(description),
            SubscriptionField::argument,
        );
        self.made.events.push(described);
        self.object(name, ty, description, |event| Some(event.0.clone()))
    }
}
