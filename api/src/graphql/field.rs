//! The one place where GraphQL fields are made. Law 3: no decision, no field.
//!
//! Every object of the schema is built through [`ObjectBuilder`], and every field that it adds is
//! wrapped in the decision of its Cedar action. A field whose action is not in the policies' schema
//! can not be built: the server does not start. The check sits on the concrete object's field, so
//! that reading through an interface can not go around it (async-graphql, issue 1826).

use std::marker::PhantomData;

use async_graphql::{
    Value,
    dynamic::{Field, FieldFuture, FieldValue, InputValue, Object, ResolverContext, TypeRef},
};
use countersign_domain::id::TenantId;
use countersign_policies::{ActionId, Decision, Engine, Row};
use futures::{FutureExt, future::BoxFuture};
use uuid::Uuid;

use super::{
    error::{self, GraphqlError},
    loader::{self, Load},
    operation::Operation,
};

/// A value that stands behind an object type, as the policies see it.
pub(super) trait Source: Send + Sync + 'static {
    /// Shows the row to `look`. Types without a row of their own show nothing, and a decision that
    /// depends on a row then refuses.
    fn with_row<T>(&self, tenant: TenantId, look: impl FnOnce(&dyn Row) -> T) -> T;
}

/// What a resolver has at hand.
pub(super) type Context<'a> = ResolverContext<'a>;
/// What an asynchronous resolver gives back.
pub(super) type Resolved<'a> = BoxFuture<'a, Result<Option<FieldValue<'a>>, GraphqlError>>;

/// The state of the operation.
pub(super) fn operation<'a>(context: &Context<'a>) -> Result<&'a Operation, GraphqlError> {
    context
        .ctx
        .data_opt::<std::sync::Arc<Operation>>()
        .map(AsRef::as_ref)
        .ok_or_else(|| {
            tracing::error!("a resolver ran without its operation");
            GraphqlError::Internal
        })
}

/// The object that the field is read from.
pub(super) fn parent<'a, T: 'static>(context: &Context<'a>) -> Result<&'a T, GraphqlError> {
    context.parent_value.downcast_ref::<T>().ok_or_else(|| {
        tracing::error!(
            expected = std::any::type_name::<T>(),
            "a resolver met another parent"
        );
        GraphqlError::Internal
    })
}

/// Builds an object type whose values are `T`.
pub(super) struct ObjectBuilder<'e, T> {
    engine: &'e Engine,
    name: &'static str,
    object: Object,
    is_root: bool,
    /// Fields that no action of the policies' schema stands for.
    unclassified: Vec<String>,
    source: PhantomData<fn() -> T>,
}

impl<'e, T: Source> ObjectBuilder<'e, T> {
    pub(super) fn new(engine: &'e Engine, name: &'static str, description: &str) -> Self {
        Self {
            engine,
            name,
            object: Object::new(name).description(description),
            is_root: false,
            unclassified: Vec::new(),
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
        self.object = self.object.implement(interface);
        self
    }

    /// A field that is read from the value in hand.
    pub(super) fn value(
        self,
        name: &'static str,
        ty: TypeRef,
        description: &str,
        get: fn(&T) -> Option<Value>,
    ) -> Self {
        self.plain(name, ty, description, move |context| {
            let value = parent::<T>(&context).ok().and_then(get);
            FieldFuture::from_value(value)
        })
    }

    /// A field whose value is an object or list made from the value in hand.
    pub(super) fn object(
        self,
        name: &'static str,
        ty: TypeRef,
        description: &str,
        get: for<'a> fn(&'a T) -> Option<FieldValue<'a>>,
    ) -> Self {
        self.plain(name, ty, description, move |context| {
            FieldFuture::Value(parent::<T>(&context).ok().and_then(get))
        })
    }

    /// A field that asks a store or a use case.
    pub(super) fn resolve(
        self,
        name: &'static str,
        ty: TypeRef,
        description: &str,
        arguments: Vec<InputValue>,
        resolver: impl for<'a> Fn(Context<'a>) -> Resolved<'a> + Send + Sync + 'static,
    ) -> Self {
        self.add(name, ty, description, arguments, move |context| {
            let (request, reveal) = match operation(&context) {
                Ok(operation) => (operation.context.request(), operation.reveal_rules),
                Err(_) => return FieldFuture::Value(None),
            };
            let path = context.ctx.path_node;
            let future = resolver(context);
            let located = move |error: GraphqlError| {
                error::at(error.into_error(request, reveal), path.as_ref())
            };
            FieldFuture::Future(future.map(move |r| r.map_err(located)).boxed())
        })
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
        self.resolve(
            name,
            TypeRef::named(of),
            description,
            vec![],
            move |context| {
                async move {
                    let Some(id) = id(parent::<T>(&context)?) else {
                        return Ok(None);
                    };
                    let row = loader::load::<R>(operation(&context)?, id).await?;
                    Ok(loader::value(row))
                }
                .boxed()
            },
        )
    }

    fn plain<F>(self, name: &'static str, ty: TypeRef, description: &str, resolver: F) -> Self
    where
        F: for<'a> Fn(Context<'a>) -> FieldFuture<'a> + Send + Sync + 'static,
    {
        self.add(name, ty, description, Vec::new(), resolver)
    }

    /// The only caller of `Field::new` for objects.
    fn add<F>(
        mut self,
        name: &'static str,
        ty: TypeRef,
        description: &str,
        arguments: Vec<InputValue>,
        resolver: F,
    ) -> Self
    where
        F: for<'a> Fn(Context<'a>) -> FieldFuture<'a> + Send + Sync + 'static,
    {
        let action_name = format!("{}.{name}", self.name);
        let Some(action) = self.engine.action(&action_name) else {
            self.unclassified.push(action_name);
            return self;
        };
        let is_root = self.is_root;
        let mut field = Field::new(name, ty, move |context| {
            match gate::<T>(&context, action, is_root) {
                Gate::Open => resolver(context),
                Gate::Hidden => FieldFuture::Value(None),
                Gate::Refused(error) => FieldFuture::Future(futures::future::err(error).boxed()),
            }
        })
        .description(description);
        for argument in arguments {
            field = field.argument(argument);
        }
        self.object = self.object.field(field);
        self
    }

    /// The object, and the fields that could not be built.
    pub(super) fn finish(self) -> (Object, Vec<String>) {
        (self.object, self.unclassified)
    }
}

enum Gate {
    Open,
    Hidden,
    Refused(async_graphql::Error),
}

/// Looks up what was decided before the operation ran, and decides what depends on the row.
fn gate<T: Source>(context: &Context<'_>, action: ActionId, is_root: bool) -> Gate {
    let Ok(operation) = operation(context) else {
        return Gate::Hidden;
    };
    if operation.dry_run {
        return Gate::Hidden;
    }
    let refusal = match operation.decisions.get(action) {
        Decision::Allow(_) => return Gate::Open,
        Decision::Deny(refusal) => refusal.clone(),
        // A mutation has no row yet: its use case loads it and asks for the permit, without which
        // it can not write.
        Decision::Row(_) if is_root => return Gate::Open,
        Decision::Row(rule) => {
            let Ok(source) = parent::<T>(context) else {
                return Gate::Hidden;
            };
            match source.with_row(operation.tenant(), |row| rule.decide(row)) {
                Ok(()) => return Gate::Open,
                Err(refusal) => refusal,
            }
        }
    };
    if is_root {
        operation.refuse(&refusal);
        let request = operation.context.request();
        let error = GraphqlError::Refused(refusal).into_error(request, operation.reveal_rules);
        Gate::Refused(error::at(error, context.path_node.as_ref()))
    } else {
        operation.redact(context, &refusal);
        Gate::Hidden
    }
}
