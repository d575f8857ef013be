//! The schema as the planner and the executor see it: which type a field has, what may stand behind
//! an interface, what arguments are of.
//!
//! Read from the schema's own SDL at start, so that it can not differ from what is executed.

use std::collections::{BTreeMap, HashMap, HashSet};

use async_graphql_parser::types::{
    BaseType, FieldDefinition, InputValueDefinition, Type, TypeKind, TypeSystemDefinition,
};
use async_graphql_value::ConstValue;

use super::deprecation::Deprecation;

/// A type with its list and non-null wrappers.
#[derive(Debug, Clone)]
pub(super) struct TypeShape {
    /// The innermost type's name.
    pub(super) name: String,
    /// The wrappers, outermost first.
    pub(super) full: Type,
}

/// An argument, or a member of an input object.
#[derive(Debug)]
pub(super) struct InputShape {
    pub(super) ty: TypeShape,
    pub(super) default: Option<ConstValue>,
}

/// Arguments or members, by their names.
pub(super) type InputShapes = BTreeMap<String, InputShape>;

/// One field of an object or interface.
#[derive(Debug)]
pub(super) struct FieldShape {
    pub(super) ty: TypeShape,
    pub(super) arguments: InputShapes,
    pub(super) deprecation: Option<Deprecation>,
}

/// What the planner knows of the schema.
#[derive(Debug, Default)]
pub(super) struct SchemaShape {
    /// Objects and interfaces, by name.
    fields: HashMap<String, HashMap<String, FieldShape>>,
    /// Input objects, by name.
    inputs: HashMap<String, InputShapes>,
    /// Enums with their members, by name.
    enums: HashMap<String, HashSet<String>>,
    /// The object types that an interface or union may turn out to be.
    possible: HashMap<String, Vec<String>>,
}

impl SchemaShape {
    /// Reads SDL. Fails only where the SDL does not parse.
    pub(super) fn parse(sdl: &str) -> Result<Self, async_graphql_parser::Error> {
        let mut shape = Self::default();
        for definition in async_graphql_parser::parse_schema(sdl)?.definitions {
            let TypeSystemDefinition::Type(definition) = definition else {
                continue;
            };
            let name = definition.node.name.node.to_string();
            match definition.node.kind {
                TypeKind::Object(object) => {
                    for interface in &object.implements {
                        shape
                            .possible
                            .entry(interface.node.to_string())
                            .or_default()
                            .push(name.clone());
                    }
                    shape
                        .fields
                        .insert(name, fields(object.fields.iter().map(|f| &f.node)));
                }
                TypeKind::Interface(interface) => {
                    shape
                        .fields
                        .insert(name, fields(interface.fields.iter().map(|f| &f.node)));
                }
                TypeKind::Union(union) => {
                    let members = union.members.iter().map(|m| m.node.to_string());
                    shape.possible.entry(name).or_default().extend(members);
                }
                TypeKind::InputObject(input) => {
                    shape
                        .inputs
                        .insert(name, inputs(input.fields.iter().map(|f| &f.node)));
                }
                TypeKind::Enum(members) => {
                    let members = members.values.iter();
                    let members = members.map(|member| member.node.value.node.to_string());
                    shape.enums.insert(name, members.collect());
                }
                TypeKind::Scalar => {}
            }
        }
        Ok(shape)
    }

    /// The object types that a value of this type can be: itself, or what stands behind it.
    pub(super) fn concrete<'a>(&'a self, name: &'a str) -> Vec<&'a str> {
        match self.possible.get(name) {
            Some(objects) => objects.iter().map(String::as_str).collect(),
            None => vec![name],
        }
    }

    /// Whether it is an interface or a union.
    pub(super) fn is_abstract(&self, name: &str) -> bool {
        self.possible.contains_key(name)
    }

    /// Whether something is selected of its values.
    pub(super) fn has_fields(&self, name: &str) -> bool {
        self.fields.contains_key(name) || self.is_abstract(name)
    }

    /// A field of an object or interface.
    pub(super) fn field(&self, type_name: &str, field: &str) -> Option<&FieldShape> {
        self.fields.get(type_name)?.get(field)
    }

    /// The members of an input object.
    pub(super) fn input(&self, type_name: &str) -> Option<&InputShapes> {
        self.inputs.get(type_name)
    }

    /// The members of an enum.
    pub(super) fn members(&self, type_name: &str) -> Option<&HashSet<String>> {
        self.enums.get(type_name)
    }
}

fn fields<'a>(
    definitions: impl Iterator<Item = &'a FieldDefinition>,
) -> HashMap<String, FieldShape> {
    definitions
        .map(|field| {
            let arguments = inputs(field.arguments.iter().map(|a| &a.node));
            (
                field.name.node.to_string(),
                FieldShape {
                    ty: shape(&field.ty.node),
                    arguments,
                    deprecation: Deprecation::of(field),
                },
            )
        })
        .collect()
}

fn inputs<'a>(definitions: impl Iterator<Item = &'a InputValueDefinition>) -> InputShapes {
    definitions
        .map(|input| {
            let default = input.default_value.as_ref();
            let made = InputShape {
                ty: shape(&input.ty.node),
                default: default.map(|default| default.node.clone()),
            };
            (input.name.node.to_string(), made)
        })
        .collect()
}

fn shape(ty: &Type) -> TypeShape {
    let mut base = &ty.base;
    while let BaseType::List(inner) = base {
        base = &inner.base;
    }
    let name = match base {
        BaseType::Named(name) => name.to_string(),
        BaseType::List(_) => String::new(),
    };
    TypeShape {
        name,
        full: ty.clone(),
    }
}
