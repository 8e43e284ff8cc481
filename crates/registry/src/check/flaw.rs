//! Everything that can be found wrong: one row a kind, with what it means and what to do.

use serde::{Serialize, Serializer};

/// One thing that is wrong.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Finding {
    pub flaw: Flaw,
    pub severity: Severity,
    /// Which one: a digest, a name, an id.
    pub subject: String,
    /// Where and how, for a person.
    pub detail: String,
    /// Whether this run repaired it, or put aside what cannot be repaired.
    pub repaired: bool,
}

impl Finding {
    /// A finding that this run has not repaired.
    #[must_use]
    pub fn new(flaw: Flaw, subject: String, detail: String) -> Finding {
        let severity = flaw.description().severity;
        Finding { flaw, severity, subject, detail, repaired: false }
    }
}

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It takes room and harms nothing.
    Waste,
    /// Rows contradict each other; the bytes are there.
    Contradiction,
    /// Bytes are gone or wrong, and a pull fails.
    Loss,
}

/// What can be wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flaw {
    BlobMissing,
    BlobCorrupt,
    ManifestCorrupt,
    ReferenceMissing,
    LayerMissing,
    ChildMissing,
    LinkBroken,
    TagBroken,
    PolicyDamaged,
    SecretSealed,
    StoreUnmarked,
    Stray,
}

/// What is to be said of one kind.
pub struct Description {
    /// The name in reports and metrics.
    pub name: &'static str,
    pub severity: Severity,
    pub what: &'static str,
    /// What a repair does, or what the operator can do.
    pub remedy: &'static str,
}

impl Flaw {
    /// All there are.
    pub const ALL: [Flaw; 12] = [
        Flaw::BlobMissing,
        Flaw::BlobCorrupt,
        Flaw::ManifestCorrupt,
        Flaw::ReferenceMissing,
        Flaw::LayerMissing,
        Flaw::ChildMissing,
        Flaw::LinkBroken,
        Flaw::TagBroken,
        Flaw::PolicyDamaged,
        Flaw::SecretSealed,
        Flaw::StoreUnmarked,
        Flaw::Stray,
    ];

    /// The row of this kind. Exhaustive on purpose.
    #[must_use]
    pub fn description(self) -> Description {
        use Severity::{Contradiction, Loss, Waste};
        let (name, severity, what, remedy) = match self {
            Flaw::BlobMissing => (
                "blob-missing",
                Loss,
                "the bytes of a layer or config are not in the store",
                "push an image that has it: HEAD says 404, so clients send it again",
            ),
            Flaw::BlobCorrupt => (
                "blob-corrupt",
                Loss,
                "the bytes of a layer or config are not what their digest says",
                "--repair puts them into quarantine; then push an image that has it, which heals it",
            ),
            Flaw::ManifestCorrupt => (
                "manifest-corrupt",
                Loss,
                "the bytes of a manifest are not what their digest says",
                "push the image again, which replaces them; until then they are not served",
            ),
            Flaw::ReferenceMissing => (
                "reference-missing",
                Contradiction,
                "an image names something that its rows do not, so the sweep may take it",
                "--repair enters it",
            ),
            Flaw::LayerMissing => (
                "layer-missing",
                Loss,
                "an image names a layer that its repository does not hold",
                "--repair links it if the bytes are there; else push the image again",
            ),
            Flaw::ChildMissing => (
                "child-missing",
                Loss,
                "an index names an image that is not in its repository",
                "push that image by its digest",
            ),
            Flaw::LinkBroken => (
                "link-broken",
                Contradiction,
                "a repository holds a layer that was given up or has another digest",
                "--repair links the right one if it is there; else push the image again",
            ),
            Flaw::TagBroken => (
                "tag-broken",
                Contradiction,
                "a tag is on an image that is not there",
                "push the image under this tag again, or delete the tag",
            ),
            Flaw::PolicyDamaged => (
                "policy-damaged",
                Loss,
                "the policy of a repository or registry cannot be read, so whatever it has a say in fails",
                "the root of the account sets the policy anew",
            ),
            Flaw::SecretSealed => (
                "secret-sealed",
                Loss,
                "a stored secret does not open with this installation key",
                "use the key that it was stored under, or make a new access key",
            ),
            Flaw::StoreUnmarked => (
                "store-unmarked",
                Contradiction,
                "the store lacks the mark of the installation whose rows these are",
                "name the folder, or bucket and prefix, that it keeps its blobs in; if this is the one, `wharf restore --in-place`",
            ),
            Flaw::Stray => (
                "stray",
                Waste,
                "an object in the store belongs to nothing",
                "nothing: the sweep removes it",
            ),
        };
        Description { name, severity, what, remedy }
    }

    /// The name in reports and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.description().name
    }
}

impl Serialize for Flaw {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_flaw_has_a_name_of_its_own_and_a_place_in_the_book() {
        let names: BTreeSet<&str> = Flaw::ALL.iter().map(|flaw| flaw.name()).collect();
        assert_eq!(names.len(), Flaw::ALL.len());
        let page = include_str!("../../../../docs/book/check.md");
        for flaw in Flaw::ALL {
            let Description { name, what, remedy, .. } = flaw.description();
            let row = format!("| `{name}` | {what} | {remedy} |");
            assert!(page.contains(&row), "put this into the page:\n{row}");
        }
    }
}
