//! The service models as data: which operations there are, the shapes of their inputs, outputs and
//! errors, and the constraints on them. Read once from `model/*.json` (made by `cargo xtask
//! model`); what the constraints mean is in [`crate::validate`], example values are in `example`.

mod example;
mod pattern;
mod source;

use std::{collections::BTreeMap, sync::LazyLock};

pub(crate) use pattern::Pattern;

/// One service's API as AWS describes it.
#[derive(Debug)]
pub struct Model {
    /// Version of the botocore release that the facts were taken from.
    pub botocore: String,
    /// Protocol, names and version of the API.
    pub metadata: Metadata,
    operations: BTreeMap<String, Operation>,
    shapes: Vec<Shape>,
    names: BTreeMap<String, ShapeRef>,
}

/// What names the API on the wire.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// `2015-09-21`: the `Version` of Query requests.
    pub api_version: String,
    /// `json` or `query`.
    pub protocol: String,
    /// `ECR`, `IAM` or `STS`.
    pub service_id: String,
    /// Service name in a signature's scope where the model gives one; see [`Model::signing_name`].
    pub signing_name: Option<String>,
    /// What precedes the operation's name in `X-Amz-Target` (JSON protocol).
    pub target_prefix: Option<String>,
    /// Version of the JSON protocol, `1.1`.
    pub json_version: Option<String>,
    /// Namespace of the response documents (Query protocol).
    pub xml_namespace: Option<String>,
}

/// One operation of the API.
#[derive(Debug)]
pub struct Operation {
    /// Name as in `X-Amz-Target` or `Action`.
    pub name: String,
    /// Shape of the input; `None` when the operation takes none.
    pub input: Option<ShapeRef>,
    /// Shape of the output; `None` when the operation answers none.
    pub output: Option<ShapeRef>,
    /// Shape names of the errors that the operation declares, such as
    /// `RepositoryNotFoundException`.
    pub errors: Vec<String>,
    /// Whether requests carry no signature (`AssumeRoleWithWebIdentity` and its like).
    pub unsigned: bool,
}

/// Names a shape of the [`Model`] that it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShapeRef(u32);

/// A type of the API with its constraints.
#[derive(Debug)]
pub struct Shape {
    /// AWS's name of the shape.
    pub name: String,
    /// What values look like.
    pub kind: Kind,
    /// Smallest length (characters, bytes or items) or value.
    pub min: Option<i64>,
    /// Largest length (characters, bytes or items) or value.
    pub max: Option<i64>,
    /// The values that a string may take; empty when it is free.
    pub values: Vec<String>,
    /// Whether the value is a secret that must not be logged.
    pub sensitive: bool,
    pub(crate) pattern: Option<Pattern>,
}

/// What the values of a shape look like in JSON.
#[derive(Debug)]
pub enum Kind {
    /// An object with the members named, sorted by name.
    Structure {
        /// The members, sorted by name.
        members: Vec<Member>,
        /// Whether exactly one member is set.
        union: bool,
        /// Set when the structure is an error.
        exception: Option<Exception>,
    },
    /// An array.
    List {
        /// Shape of the items.
        item: ShapeRef,
        /// Whether the Query protocol writes the items without `member`.
        flattened: bool,
    },
    /// An object with free keys.
    Map {
        /// Shape of the keys.
        key: ShapeRef,
        /// Shape of the values.
        value: ShapeRef,
    },
    /// A string.
    String,
    /// A whole number of 32 bits.
    Integer,
    /// A whole number of 64 bits.
    Long,
    /// A floating-point number.
    Double,
    /// `true` or `false`.
    Boolean,
    /// A number of seconds since 1970, or an ISO 8601 string in requests.
    Timestamp,
    /// Bytes, base64 in a string.
    Blob,
}

/// One member of a structure.
#[derive(Debug)]
pub struct Member {
    /// Name on the wire.
    pub name: String,
    /// Shape of the value.
    pub shape: ShapeRef,
    /// Whether the member must be there.
    pub required: bool,
}

/// How an error goes over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// The `Code`: the shape's name unless the model says otherwise (`NoSuchEntity`).
    pub code: String,
    /// HTTP status: as modelled, else 500 for the server's own faults and 400 for the caller's.
    pub status: u16,
}

static ECR: LazyLock<Model> =
    LazyLock::new(|| Model::committed(include_str!("../../../model/ecr.json")));
static IAM: LazyLock<Model> =
    LazyLock::new(|| Model::committed(include_str!("../../../model/iam.json")));
static STS: LazyLock<Model> =
    LazyLock::new(|| Model::committed(include_str!("../../../model/sts.json")));

impl Model {
    /// Elastic Container Registry, JSON 1.1.
    pub fn ecr() -> &'static Self {
        &ECR
    }

    /// Identity and Access Management, Query.
    pub fn iam() -> &'static Self {
        &IAM
    }

    /// Security Token Service, Query.
    pub fn sts() -> &'static Self {
        &STS
    }

    /// The operation of that exact name.
    pub fn operation(&self, name: &str) -> Option<&Operation> {
        self.operations.get(name)
    }

    /// All operations, sorted by name.
    pub fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.operations.values()
    }

    /// The shape that `reference`, taken from this model, names.
    ///
    /// # Panics
    /// With a reference of another model whose number this one does not have.
    pub fn shape(&self, reference: ShapeRef) -> &Shape {
        &self.shapes[reference.0 as usize]
    }

    /// The shape of that exact name.
    pub fn shape_named(&self, name: &str) -> Option<&Shape> {
        self.names.get(name).map(|reference| self.shape(*reference))
    }

    /// Code and status of the error shape `name`, one of [`Operation::errors`].
    pub fn exception(&self, name: &str) -> Option<&Exception> {
        match &self.shape_named(name)?.kind {
            Kind::Structure { exception, .. } => exception.as_ref(),
            _ => None,
        }
    }

    /// The service's name in the scope of a signature: `ecr`, `iam` or `sts`.
    pub fn signing_name(&self) -> String {
        let name = self.metadata.signing_name.as_ref();
        name.cloned().unwrap_or_else(|| self.metadata.service_id.to_ascii_lowercase())
    }

    fn committed(text: &str) -> Self {
        Self::parse(text)
            .expect("the tests read every model in model/, so a committed one can be read")
    }
}

#[cfg(test)]
mod tests;
