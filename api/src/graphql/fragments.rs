//! Selection sets with their fragments expanded. What a document comes to is bounded before anything walks
//! it so (`limits::check_expansion`).

use async_graphql_parser::{
    Positioned,
    types::{ExecutableDocument, Field, Selection, SelectionSet},
};

/// Visits the fields of a selection set on `parent`, each with the type that it is selected on.
pub(super) fn each_field<'a>(
    document: &'a ExecutableDocument,
    set: &'a SelectionSet,
    parent: &'a str,
    visit: &mut dyn FnMut(&'a Positioned<Field>, &'a str),
) {
    each_selection(document, set, parent, &mut |selection, parent| {
        if let Selection::Field(field) = selection {
            visit(field, parent);
        }
    });
}

/// The same of all that is selected: the fragments themselves come before what they have.
pub(super) fn each_selection<'a>(
    document: &'a ExecutableDocument,
    set: &'a SelectionSet,
    parent: &'a str,
    visit: &mut dyn FnMut(&'a Selection, &'a str),
) {
    for selection in &set.items {
        visit(&selection.node, parent);
        match &selection.node {
            Selection::Field(_) => {}
            Selection::InlineFragment(fragment) => {
                let on = fragment.node.type_condition.as_ref();
                let on = on.map_or(parent, |condition| condition.node.on.node.as_str());
                each_selection(document, &fragment.node.selection_set.node, on, visit);
            }
            Selection::FragmentSpread(spread) => {
                let name = &spread.node.fragment_name.node;
                if let Some(fragment) = document.fragments.get(name) {
                    let on = fragment.node.type_condition.node.on.node.as_str();
                    each_selection(document, &fragment.node.selection_set.node, on, visit);
                }
            }
        }
    }
}
