//! Everything that the registry refuses, in its own words, once. `Display` is the sentence that
//! AWS tells; [`Error::codes`] gives the codes for both doors, so none can be forgotten.
//!
//! Sources: the ECR API reference and messages seen from ECR; under `/v2/` the distribution
//! specification's error codes.

use wharf_oci::{Digest, InvalidManifest, RepositoryName, Tag};
use wharf_policy::{AccountId, Denial};

/// Why the registry did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    AccessDenied(Box<Denial>),
    #[error("Invalid parameter at '{path}' failed to satisfy constraint: '{reason}'")]
    Parameter { path: &'static str, reason: String },

    #[error("The repository with name '{name}' does not exist in the registry with id '{account}'")]
    RepositoryNotFound { name: String, account: AccountId },
    #[error("The repository with name '{name}' already exists in the registry with id '{account}'")]
    RepositoryAlreadyExists { name: RepositoryName, account: AccountId },
    #[error(
        "The repository with name '{name}' in registry with id '{account}' cannot be deleted \
         because it still contains images"
    )]
    RepositoryNotEmpty { name: RepositoryName, account: AccountId },
    #[error(
        "Repository policy does not exist for the repository with name '{name}' in the registry \
         with id '{account}'"
    )]
    RepositoryPolicyNotFound { name: RepositoryName, account: AccountId },
    #[error("Registry policy does not exist in the registry with id '{account}'")]
    RegistryPolicyNotFound { account: AccountId },
    #[error("{0}")]
    InvalidTagParameter(String),
    #[error("The repository can have at most 50 tags")]
    TooManyTags,
    #[error("{0}")]
    Kms(String),

    #[error(
        "The image with imageId {{imageDigest:'{}', imageTag:'{}'}} does not exist within the \
         repository with name '{name}' in the registry with id '{account}'",
        or_null(digest),
        or_null(tag)
    )]
    ImageNotFound {
        digest: Option<String>,
        tag: Option<String>,
        name: RepositoryName,
        account: AccountId,
    },
    #[error("Requested image not found")]
    ManifestUnknown,
    #[error("{0}")]
    InvalidManifest(#[from] InvalidManifest),
    #[error("The manifest is larger than 4194304 bytes, the most that a manifest may have")]
    ManifestTooLarge,
    #[error(
        "The image with digest '{digest}' in repository '{name}' and registry ID '{account}' does \
         not match the image digest that Amazon ECR has calculated."
    )]
    ImageDigestDoesNotMatch { digest: String, name: RepositoryName, account: AccountId },
    #[error(
        "Layers with digests '[{}]' required for pushing image into repository with name '{name}' \
         in the registry with id '{account}' do not exist",
        digests.join(", ")
    )]
    LayersNotFound { digests: Vec<String>, name: RepositoryName, account: AccountId },
    #[error(
        "Images with digests '[{}]' required for pushing image into repository with name '{name}' \
         in the registry with id '{account}' do not exist",
        digests.join(", ")
    )]
    ReferencedImagesNotFound { digests: Vec<String>, name: RepositoryName, account: AccountId },
    #[error(
        "Image with digest '{digest}' and tag '{}' already exists in the repository with name \
         '{name}' in registry with id '{account}'",
        or_null(tag)
    )]
    ImageAlreadyExists {
        digest: Digest,
        tag: Option<String>,
        name: RepositoryName,
        account: AccountId,
    },
    #[error(
        "The image tag '{tag}' already exists in the '{name}' repository and cannot be overwritten \
         because the tag is immutable."
    )]
    ImageTagAlreadyExists { tag: Tag, name: RepositoryName },
    #[error("Requested image referenced by manifest list: [{}]", parents.join(", "))]
    ImageReferenced { parents: Vec<String> },

    #[error(
        "The layer with digest '{digest}' does not exist within the repository with name '{name}' \
         in the registry with id '{account}'"
    )]
    LayerNotFound { digest: Digest, name: RepositoryName, account: AccountId },
    #[error(
        "The layer with digest '{digest}' in the repository with name '{name}' in the registry \
         with id '{account}' is in no image yet, and may be removed at any time"
    )]
    LayerInaccessible { digest: Digest, name: RepositoryName, account: AccountId },
    #[error(
        "The layer with digest '{digest}' already exists in the repository with name '{name}' in \
         the registry with id '{account}'"
    )]
    LayerAlreadyExists { digest: Digest, name: RepositoryName, account: AccountId },
    #[error(
        "The layer with digest '{digest}' belongs to an image of this repository. Delete the image first"
    )]
    LayerReferenced { digest: Digest },

    #[error(
        "Upload with id '{id}' could not be found for the repository with name '{name}' in the \
         registry with id '{account}'"
    )]
    UploadNotFound { id: String, name: RepositoryName, account: AccountId },
    #[error(
        "Invalid layer part upload for upload with id '{id}' in the repository with name '{name}' \
         in the registry with id '{account}'"
    )]
    InvalidLayerPart {
        id: String,
        name: RepositoryName,
        account: AccountId,
        /// None while nothing has arrived.
        last_valid_byte: Option<u64>,
    },
    #[error("All layer parts except the last part should be at least 5MB")]
    LayerPartTooSmall,
    #[error("The upload with id '{id}' has no layer parts")]
    EmptyUpload { id: String },
    #[error("None of the provided layer digests match the calculated layer digest")]
    InvalidLayer,
    #[error(
        "The bytes do not continue the upload, which holds {received} bytes. Ask for its state with GET and go on from there"
    )]
    RangeInvalid { received: u64 },
    /// Another request works on it, or did when its replica died. Soon over.
    #[error(
        "Another request is at work on this upload, or was cut off a moment ago. Try again in a few seconds"
    )]
    UploadBusy,
    #[error("The client sent fewer bytes than it announced, or broke off: {0}")]
    BrokenOff(String),
    #[error("Content-Range names {named} bytes, but Content-Length {announced}")]
    LengthsDiffer { named: u64, announced: u64 },
    #[error("{0}")]
    LimitExceeded(String),
    #[error("Rate exceeded")]
    Throttled,

    #[error(
        "'{0}' is not a valid repository name: 2 to 256 of a-z, 0-9, '.', '_', '-' in path segments joined by '/'"
    )]
    NameInvalid(String),
    #[error("{0}")]
    DigestInvalid(String),
    #[error("{0}")]
    TagInvalid(String),
    #[error("{0}")]
    Unsupported(String),

    #[error(
        "The registry has no disk space left. Pulls go on; free space or enlarge the disk, then push again"
    )]
    Full,
    #[error(
        "The registry cannot store anything until it is restarted, since its disk reported a failure. Pulls go on"
    )]
    StoreFailed,
    /// The database cannot be reached, or is too busy. Whether what was asked for was done is
    /// sometimes not known; asking again comes out right in both cases.
    #[error(
        "The registry's database or blob store is not available at the moment. Try again in a few seconds"
    )]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error(
        "The registry is read-only at the moment, for a move or a backup: pulls go on, nothing can be pushed, changed or deleted. Try again later"
    )]
    ReadOnly,
    /// Its bytes in the store are not what the digest says, or are gone. A push heals it.
    #[error(
        "The stored bytes of {digest} are damaged or missing, so they are not served. Push them again"
    )]
    Damaged { digest: Digest },
    /// A fault of ours: logged with its cause, shown only as a request id.
    #[error(
        "An internal error occurred. The log of the registry tells more under the id of this request"
    )]
    Fault(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The codes of one error at both doors.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Codes {
    /// The exception of the ECR API; its HTTP status is 400, for faults of ours 500, for
    /// one that is soon over 503.
    pub aws: &'static str,
    /// The code under `/v2/`.
    pub oci: &'static str,
    /// The HTTP status under `/v2/`.
    pub status: u16,
}

impl Error {
    /// The codes for this error. Exhaustive on purpose.
    #[must_use]
    pub fn codes(&self) -> Codes {
        let (aws, oci, status) = match self {
            Error::AccessDenied(_) => ("AccessDeniedException", "DENIED", 403),
            Error::Parameter { .. } => ("InvalidParameterException", "UNSUPPORTED", 405),
            Error::RepositoryNotFound { .. } => {
                ("RepositoryNotFoundException", "NAME_UNKNOWN", 404)
            }
            Error::RepositoryAlreadyExists { .. } => {
                ("RepositoryAlreadyExistsException", "UNSUPPORTED", 409)
            }
            Error::RepositoryNotEmpty { .. } => ("RepositoryNotEmptyException", "UNSUPPORTED", 409),
            Error::RepositoryPolicyNotFound { .. } => {
                ("RepositoryPolicyNotFoundException", "UNSUPPORTED", 404)
            }
            Error::RegistryPolicyNotFound { .. } => {
                ("RegistryPolicyNotFoundException", "UNSUPPORTED", 404)
            }
            Error::InvalidTagParameter(_) => ("InvalidTagParameterException", "UNSUPPORTED", 400),
            Error::TooManyTags => ("TooManyTagsException", "UNSUPPORTED", 400),
            Error::Kms(_) => ("KmsException", "UNSUPPORTED", 400),
            Error::ImageNotFound { .. } | Error::ManifestUnknown => {
                ("ImageNotFoundException", "MANIFEST_UNKNOWN", 404)
            }
            Error::InvalidManifest(_) => ("InvalidParameterException", "MANIFEST_INVALID", 400),
            Error::ManifestTooLarge => ("InvalidParameterException", "SIZE_INVALID", 413),
            Error::ImageDigestDoesNotMatch { .. } => {
                ("ImageDigestDoesNotMatchException", "DIGEST_INVALID", 400)
            }
            Error::LayersNotFound { .. } => {
                ("LayersNotFoundException", "MANIFEST_BLOB_UNKNOWN", 404)
            }
            Error::ReferencedImagesNotFound { .. } => {
                ("ReferencedImagesNotFoundException", "MANIFEST_BLOB_UNKNOWN", 404)
            }
            Error::ImageAlreadyExists { .. } => {
                ("ImageAlreadyExistsException", "MANIFEST_INVALID", 400)
            }
            Error::ImageTagAlreadyExists { .. } => {
                ("ImageTagAlreadyExistsException", "TAG_INVALID", 400)
            }
            // The API tells this one per image, among the failures of BatchDeleteImage.
            Error::ImageReferenced { .. } => ("InvalidParameterException", "UNSUPPORTED", 405),
            Error::LayerNotFound { .. } => ("LayersNotFoundException", "BLOB_UNKNOWN", 404),
            Error::LayerInaccessible { .. } => ("LayerInaccessibleException", "BLOB_UNKNOWN", 404),
            Error::LayerAlreadyExists { .. } => ("LayerAlreadyExistsException", "UNSUPPORTED", 400),
            Error::LayerReferenced { .. } => ("InvalidParameterException", "UNSUPPORTED", 405),
            Error::UploadNotFound { .. } => ("UploadNotFoundException", "BLOB_UPLOAD_UNKNOWN", 404),
            Error::InvalidLayerPart { .. } => {
                ("InvalidLayerPartException", "BLOB_UPLOAD_INVALID", 416)
            }
            Error::LayerPartTooSmall => ("LayerPartTooSmallException", "BLOB_UPLOAD_INVALID", 400),
            Error::EmptyUpload { .. } => ("EmptyUploadException", "BLOB_UPLOAD_INVALID", 400),
            Error::InvalidLayer => ("InvalidLayerException", "DIGEST_INVALID", 400),
            Error::RangeInvalid { .. } => ("InvalidLayerPartException", "BLOB_UPLOAD_INVALID", 416),
            Error::BrokenOff(_) | Error::LengthsDiffer { .. } => {
                ("InvalidLayerException", "SIZE_INVALID", 400)
            }
            Error::LimitExceeded(_) => ("LimitExceededException", "DENIED", 403),
            // One of the errors that all of AWS's services have ("Common errors").
            Error::Throttled => ("ThrottlingException", "TOOMANYREQUESTS", 429),
            Error::NameInvalid(_) => ("InvalidParameterException", "NAME_INVALID", 400),
            Error::DigestInvalid(_) => ("InvalidParameterException", "DIGEST_INVALID", 400),
            Error::TagInvalid(_) => ("InvalidParameterException", "MANIFEST_INVALID", 400),
            Error::Unsupported(_) => ("InvalidParameterException", "UNSUPPORTED", 405),
            Error::Full | Error::StoreFailed => ("ServerException", "TOOMANYREQUESTS", 503),
            // One of the errors that all of AWS's services have ("Common errors").
            // Clients try again after it by themselves, at both doors, which they do not after 409.
            Error::Unavailable(_) | Error::UploadBusy => ("ServiceUnavailable", "UNAVAILABLE", 503),
            // The API's own word for it is among ECR's common errors; under `/v2/` a client that
            // tries again and again would only hide the reason.
            Error::ReadOnly => ("ServiceUnavailable", "UNSUPPORTED", 405),
            Error::Damaged { .. } | Error::Fault(_) => ("ServerException", "UNKNOWN", 500),
        };
        Codes { aws, oci, status }
    }

    /// Whether it is our fault and not the caller's.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        matches!(
            self,
            Error::Fault(_)
                | Error::Damaged { .. }
                | Error::Unavailable(_)
                | Error::Full
                | Error::StoreFailed
        )
    }

    /// The error with its causes, none of which is told twice: for a log, whose JSON knows nothing
    /// of causes.
    #[must_use]
    pub fn told(&self) -> String {
        let (mut told, mut source) = (self.to_string(), std::error::Error::source(self));
        while let Some(error) = source {
            let cause = error.to_string();
            if !told.contains(&cause) {
                told = format!("{told}: {cause}");
            }
            source = error.source();
        }
        told
    }

    /// Wraps a fault of ours.
    pub fn fault(source: impl std::error::Error + Send + Sync + 'static) -> Error {
        Error::Fault(Box::new(source))
    }
}

impl From<wharf_db::Error> for Error {
    fn from(error: wharf_db::Error) -> Error {
        if error.is_full() {
            Error::Full
        } else if error.is_unavailable() {
            Error::Unavailable(Box::new(error))
        } else {
            Error::fault(error)
        }
    }
}

impl From<wharf_blobs::Error> for Error {
    fn from(error: wharf_blobs::Error) -> Error {
        match error {
            wharf_blobs::Error::Full => Error::Full,
            wharf_blobs::Error::Busy => Error::UploadBusy,
            wharf_blobs::Error::Failed(_) => Error::StoreFailed,
            wharf_blobs::Error::Unavailable(_) => Error::Unavailable(Box::new(error)),
            other => Error::fault(other),
        }
    }
}

fn or_null(part: &Option<String>) -> &str {
    part.as_deref().unwrap_or("null")
}
