//! The walk that waits.

use countersign_policies::Judged;
use futures::{FutureExt, future::BoxFuture};

use super::{
    super::{
        coerce,
        error::GraphqlError,
        field::{Context, Field, Resolver},
        loader::Relation,
        selection::{Selected, Selection, What},
        value::{Object, Output},
    },
    Execution, Gathered,
};

impl<'a> Execution<'a> {
    /// Asks for what the fields of these objects have to wait for, and goes on below. Fields follow
    /// one another as the selection has them: the specification demands it of mutations.
    pub(super) fn gather<'g>(
        self,
        selection: &'a Selection,
        objects: Vec<Object>,
        gathered: &'g mut Gathered,
    ) -> BoxFuture<'g, ()>
    where
        'a: 'g,
    {
        async move {
            let asking = selection.fields.iter().filter(|selected| selected.asks);
            let fields = asking.filter_map(|selected| match &selected.what {
                What::Field { field, .. } => Some((selected, field.as_ref())),
                What::TypeName(_) | What::Introspection(_) => None,
            });
            let fields: Vec<_> = fields.collect();
            self.load(&fields, &objects, gathered).await;
            for (selected, field) in fields {
                let goes_on = selected.inner.iter().any(|(_, inner)| inner.asks);
                if !goes_on && !matches!(field.resolver, Resolver::Asked(_)) {
                    continue;
                }
                let mut inner = Inner::default();
                for object in &objects {
                    if field
                        .gate(self.operation, &*object.value, &mut Judged::default())
                        .is_err()
                    {
                        continue;
                    }
                    match &field.resolver {
                        Resolver::Leaf(_) => {}
                        Resolver::Inner(get) => inner.extend(get(&*object.value).as_ref()),
                        Resolver::Related(relation) => {
                            let id = relation.id(&*object.value);
                            let row = id.and_then(|id| relation.get(self.operation, id));
                            inner.extend(row.map(Output::Object).as_ref());
                        }
                        Resolver::Asked(ask) => {
                            let given = self.ask(selected, ask, object).await;
                            inner.extend(given.as_ref().ok());
                            let request = self.operation.context.request();
                            let reveal = self.operation.reveal_rules;
                            let given = given.map_err(|error| error.into_error(request, reveal));
                            gathered
                                .given
                                .insert((selected.slot, object.address()), given);
                        }
                    }
                }
                for (ty, selection) in &selected.inner {
                    let only = (selected.inner.len() > 1).then_some(ty.as_str());
                    let objects = inner.of(only);
                    if selection.asks && !objects.is_empty() {
                        self.gather(selection, objects, gathered).await;
                    }
                }
            }
            gathered.kept.extend(objects);
        }
        .boxed()
    }

    /// Fetches the rows that the objects point to: those of every such field together.
    async fn load(
        self,
        fields: &[(&Selected, &Field)],
        objects: &[Object],
        gathered: &mut Gathered,
    ) {
        let operation = self.operation;
        let related = fields
            .iter()
            .filter_map(|(selected, field)| match &field.resolver {
                Resolver::Related(relation) => Some((*selected, *field, relation.as_ref())),
                _ => None,
            });
        let related: Vec<(_, _, &dyn Relation)> = related.collect();
        let mut ids = vec![Vec::with_capacity(objects.len()); related.len()];
        for object in objects {
            let value = &*object.value;
            let mut judged = Judged::default();
            for ((_, field, relation), ids) in related.iter().zip(&mut ids) {
                if field.gate(operation, value, &mut judged).is_ok() {
                    ids.extend(relation.id(value));
                }
            }
        }
        let relations =
            related
                .into_iter()
                .zip(ids)
                .map(|((selected, _, relation), ids)| async move {
                    (selected.slot, relation.load(operation, ids).await)
                });
        for (slot, loaded) in futures::future::join_all(relations).await {
            let Err(error) = loaded else { continue };
            let error = error.into_error(operation.context.request(), operation.reveal_rules);
            for object in objects {
                let given = Err(error.clone());
                gathered.given.insert((slot, object.address()), given);
            }
        }
    }

    async fn ask(
        self,
        selected: &Selected,
        ask: &(dyn for<'c> Fn(Context<'c>) -> super::super::field::Resolved<'c> + Send + Sync),
        object: &Object,
    ) -> Result<Output, GraphqlError> {
        let What::Field { on, name, .. } = &selected.what else {
            return Err(GraphqlError::Internal);
        };
        let shape = self.shape.field(on, name).ok_or(GraphqlError::Internal)?;
        let arguments = coerce::arguments(
            self.shape,
            &shape.arguments,
            &selected.arguments,
            self.variables,
        );
        let arguments = arguments.map_err(GraphqlError::BadInput)?;
        ask(Context::new(
            self.operation,
            arguments,
            selected,
            &*object.value,
        ))
        .await
    }
}

/// The objects that a field gave, each once.
#[derive(Default)]
struct Inner(Vec<Object>);

impl Inner {
    fn extend(&mut self, output: Option<&Output>) {
        if let Some(output) = output {
            output.each_object(&mut |object| self.0.push(object.clone()));
        }
    }

    /// Those of one type, or all.
    fn of(&self, ty: Option<&str>) -> Vec<Object> {
        let ours = |object: &&Object| ty.is_none_or(|ty| object.ty == Some(ty));
        let mut objects: Vec<_> = self.0.iter().filter(ours).cloned().collect();
        objects.sort_by_key(Object::address);
        objects.dedup_by_key(|object| object.address());
        objects
    }
}
