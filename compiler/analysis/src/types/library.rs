//! The built-in functions as the standard library declares them: signatures, and which one a call means.

use std::collections::HashMap;

use nsf_plan::Type;
use nsf_syntax::ast::{Builtin, Expr, TypeExpr, TypeExprKind};
use smol_str::SmolStr;

use super::{item_types::simple_type, relation};

/// A type of a signature: a type with variables, or a function's.
#[derive(Clone, Debug, PartialEq)]
pub enum SignatureType {
    /// A type without variables.
    Known(Type),
    /// `T`.
    Variable(SmolStr),
    /// `T?` of a variable.
    Nullable(Box<SignatureType>),
    /// `list<T>`.
    List(Box<SignatureType>),
    /// `set<T>`.
    Set(Box<SignatureType>),
    /// `map<K, V>`.
    Map(Box<SignatureType>, Box<SignatureType>),
    /// `{ key: K, value: V }`.
    Record(Vec<(String, SignatureType)>),
    /// `fn(T) -> U`.
    Function(Vec<SignatureType>, Box<SignatureType>),
}

/// A parameter of a built-in.
#[derive(Clone, Debug)]
pub struct SignatureParameter {
    /// Its name.
    pub name: SmolStr,
    /// Its type.
    pub ty: SignatureType,
    /// Its value where the call leaves it out.
    pub default: Option<Expr>,
}

/// A built-in function.
#[derive(Clone, Debug)]
pub struct Signature {
    /// Its name.
    pub name: SmolStr,
    /// `len(list<T>)`: what the plan carries and the engine implements.
    pub canonical: String,
    /// Type variables and their classes.
    pub generics: Vec<(SmolStr, Option<SmolStr>)>,
    /// Parameters.
    pub parameters: Vec<SignatureParameter>,
    /// Result.
    pub result: SignatureType,
    /// Whether it may fail.
    pub fallible: bool,
    /// The library's module: `std.text`.
    pub module: String,
    /// Doc comment.
    pub docs: Vec<SmolStr>,
}

/// Types bound to variables.
pub type Bindings = HashMap<SmolStr, Type>;

/// All built-ins by name.
#[derive(Debug, Default)]
pub struct Library {
    /// Overloads by name.
    pub functions: HashMap<SmolStr, Vec<Signature>>,
}

impl Library {
    /// Adds a declaration of a module.
    pub fn add(&mut self, module: &str, builtin: &Builtin, docs: &[SmolStr]) {
        let generics: Vec<(SmolStr, Option<SmolStr>)> = builtin
            .generics
            .iter()
            .map(|(name, class)| (name.text.clone(), class.as_ref().map(|class| class.text.clone())))
            .collect();
        let lower = |ty: &TypeExpr| lower(ty, &generics);
        let parameters: Vec<SignatureParameter> = builtin
            .parameters
            .iter()
            .map(|parameter| SignatureParameter {
                name: parameter.name.text.clone(),
                ty: lower(&parameter.ty),
                default: parameter.default.clone(),
            })
            .collect();
        let types: Vec<String> = builtin.parameters.iter().map(|parameter| type_text(&parameter.ty)).collect();
        let signature = Signature {
            name: builtin.name.text.clone(),
            canonical: format!("{}({})", builtin.name.text, types.join(", ")),
            parameters,
            result: lower(&builtin.result),
            fallible: builtin.fallible,
            module: module.to_owned(),
            docs: docs.to_vec(),
            generics,
        };
        self.functions.entry(signature.name.clone()).or_default().push(signature);
    }

    /// The built-in of a canonical signature.
    #[must_use]
    pub fn signature(&self, canonical: &str) -> Option<&Signature> {
        let name = canonical.split('(').next()?;
        self.functions.get(name)?.iter().find(|signature| signature.canonical == canonical)
    }
}

fn lower(ty: &TypeExpr, generics: &[(SmolStr, Option<SmolStr>)]) -> SignatureType {
    let inner = |ty: &TypeExpr| Box::new(lower(ty, generics));
    match &ty.kind {
        TypeExprKind::Named(name, arguments) => {
            if generics.iter().any(|(generic, _)| *generic == name.text) {
                return SignatureType::Variable(name.text.clone());
            }
            match (name.text.as_str(), arguments.as_slice()) {
                ("list" | "multi", [item]) => known_or(SignatureType::List(inner(item)), ty),
                ("set", [item]) => known_or(SignatureType::Set(inner(item)), ty),
                ("map", [key, value]) => known_or(SignatureType::Map(inner(key), inner(value)), ty),
                _ => simple_type(ty).map_or(SignatureType::Known(Type::Json), SignatureType::Known),
            }
        }
        TypeExprKind::Nullable(item) => known_or(SignatureType::Nullable(inner(item)), ty),
        TypeExprKind::Record(fields) => {
            let fields = fields.iter().map(|field| (field.name.text.to_string(), lower(&field.ty, generics)));
            known_or(SignatureType::Record(fields.collect()), ty)
        }
        TypeExprKind::Function(parameters, result) => {
            SignatureType::Function(parameters.iter().map(|ty| lower(ty, generics)).collect(), inner(result))
        }
        TypeExprKind::Error => SignatureType::Known(Type::Json),
    }
}

fn known_or(signature: SignatureType, ty: &TypeExpr) -> SignatureType {
    if has_variable(&signature) { signature } else { simple_type(ty).map_or(signature, SignatureType::Known) }
}

fn has_variable(ty: &SignatureType) -> bool {
    match ty {
        SignatureType::Known(_) => false,
        SignatureType::Variable(_) => true,
        SignatureType::Nullable(inner) | SignatureType::List(inner) | SignatureType::Set(inner) => has_variable(inner),
        SignatureType::Map(key, value) => has_variable(key) || has_variable(value),
        SignatureType::Record(fields) => fields.iter().any(|(_, ty)| has_variable(ty)),
        SignatureType::Function(parameters, result) => parameters.iter().any(has_variable) || has_variable(result),
    }
}

/// A type as the standard library writes it, with one blank after each comma.
#[must_use]
pub fn type_text(ty: &TypeExpr) -> String {
    let list = |types: &[TypeExpr]| types.iter().map(type_text).collect::<Vec<_>>().join(", ");
    match &ty.kind {
        TypeExprKind::Named(name, arguments) if arguments.is_empty() => name.text.to_string(),
        TypeExprKind::Named(name, arguments) => format!("{}<{}>", name.text, list(arguments)),
        TypeExprKind::Nullable(inner) => format!("{}?", type_text(inner)),
        TypeExprKind::Record(fields) => {
            let fields = fields.iter().map(|field| format!("{}: {}", field.name.text, type_text(&field.ty)));
            format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "))
        }
        TypeExprKind::Function(parameters, result) => format!("fn({}) -> {}", list(parameters), type_text(result)),
        TypeExprKind::Error => "?".to_owned(),
    }
}

impl std::fmt::Display for SignatureType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Known(ty) => write!(f, "{ty}"),
            Self::Variable(name) => f.write_str(name),
            Self::Nullable(inner) => write!(f, "{inner}?"),
            Self::List(item) => write!(f, "list<{item}>"),
            Self::Set(item) => write!(f, "set<{item}>"),
            Self::Map(key, value) => write!(f, "map<{key}, {value}>"),
            Self::Record(fields) => {
                let fields: Vec<String> = fields.iter().map(|(name, ty)| format!("{name}: {ty}")).collect();
                write!(f, "{{ {} }}", fields.join(", "))
            }
            Self::Function(parameters, result) => {
                let parameters: Vec<String> = parameters.iter().map(ToString::to_string).collect();
                write!(f, "fn({}) -> {result}", parameters.join(", "))
            }
        }
    }
}

impl SignatureType {
    /// The type with variables replaced; none while a variable is not bound.
    #[must_use]
    pub fn resolve(&self, bindings: &Bindings) -> Option<Type> {
        Some(match self {
            Self::Known(ty) => ty.clone(),
            Self::Variable(name) => bindings.get(name)?.clone(),
            Self::Nullable(inner) => inner.resolve(bindings)?.nullable(),
            Self::List(item) => Type::List(Box::new(item.resolve(bindings)?)),
            Self::Set(item) => Type::Set(Box::new(item.resolve(bindings)?)),
            Self::Map(key, value) => Type::Map(Box::new(key.resolve(bindings)?), Box::new(value.resolve(bindings)?)),
            Self::Record(fields) => Type::Record(
                fields
                    .iter()
                    .map(|(name, ty)| Some((name.clone(), ty.resolve(bindings)?)))
                    .collect::<Option<Vec<_>>>()?,
            ),
            Self::Function(..) => return None,
        })
    }

    /// Binds variables so that a value of `ty` may stand here. `exact` forbids widening.
    pub fn bind(&self, ty: &Type, bindings: &mut Bindings, exact: bool) -> bool {
        match (self, ty) {
            (Self::Known(expected), ty) => expected == ty || (!exact && relation::widens(ty, expected)),
            (Self::Variable(name), ty) => match bindings.get(name) {
                None => {
                    bindings.insert(name.clone(), ty.clone());
                    true
                }
                Some(bound) if bound == ty => true,
                Some(_) if exact => false,
                Some(bound) => match relation::common(bound, ty) {
                    Some(common) => {
                        bindings.insert(name.clone(), common);
                        true
                    }
                    None => false,
                },
            },
            (Self::Nullable(inner), ty) => inner.bind(ty.non_null(), bindings, exact),
            (Self::List(item), Type::List(ty) | Type::Multi(ty)) => item.bind(ty, bindings, true),
            (Self::List(item), Type::Set(ty)) => !exact && item.bind(ty, bindings, true),
            (Self::Set(item), Type::Set(ty) | Type::Multi(ty)) => item.bind(ty, bindings, true),
            (Self::Map(key, value), Type::Map(key_type, value_type)) => {
                key.bind(key_type, bindings, true) && value.bind(value_type, bindings, true)
            }
            (Self::Record(fields), Type::Record(types)) => {
                fields.len() == types.len()
                    && fields
                        .iter()
                        .zip(types)
                        .all(|((name, ty), (other, value))| name == other && ty.bind(value, bindings, exact))
            }
            _ => false,
        }
    }
}

impl Signature {
    /// Number of arguments that must be given.
    #[must_use]
    pub fn required(&self) -> usize {
        self.parameters.iter().filter(|parameter| parameter.default.is_none()).count()
    }

    /// Whether every bound variable belongs to its class.
    #[must_use]
    pub fn classes_hold(&self, bindings: &Bindings) -> bool {
        self.generics.iter().all(|(name, class)| match (bindings.get(name), class) {
            (Some(ty), Some(class)) => relation::in_class(ty, class),
            _ => true,
        })
    }

    /// `len(list<T>)`, for messages.
    #[must_use]
    pub fn show(&self) -> String {
        self.canonical.clone()
    }
}
