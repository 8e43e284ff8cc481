//! The operations of ECR, IAM and STS: one file each, and the tables that list them.
//!
//! The edge reads a request (target, signature, model check), finds the operation in its table,
//! decides, and runs it. Console and admin commands use the same values in-process. Deliberately
//! absent: sockets, and anything that two doors need, which is the registry's.

mod answer;
mod edge;
mod endpoint;
pub mod iam;
mod operation;
mod paging;
pub mod parameters;
pub mod query;
mod refusal;
mod table;

/// The operations of Amazon ECR.
pub mod ecr {
    /// Milliseconds as ECR prints a time: seconds since 1970 with a fraction.
    pub(crate) fn seconds(milliseconds: i64) -> f64 {
        milliseconds as f64 / 1000.0
    }

    pub mod authorization {
        mod get_authorization_token;
        pub use get_authorization_token::GetAuthorizationToken;
    }
    pub mod registry {
        mod describe_registry;
        mod get_account_setting;
        mod put_account_setting;
        pub use describe_registry::DescribeRegistry;
        pub use get_account_setting::GetAccountSetting;
        pub use put_account_setting::PutAccountSetting;
    }
    pub mod repositories {
        mod create_repository;
        mod delete_repository;
        mod describe_repositories;
        mod list_tags_for_resource;
        mod put_image_tag_mutability;
        mod shape;
        mod tag_resource;
        mod untag_resource;
        pub use create_repository::CreateRepository;
        pub use delete_repository::DeleteRepository;
        pub use describe_repositories::DescribeRepositories;
        pub use list_tags_for_resource::ListTagsForResource;
        pub use put_image_tag_mutability::PutImageTagMutability;
        pub use tag_resource::TagResource;
        pub use untag_resource::UntagResource;
    }
    pub mod policies {
        mod delete_registry_policy;
        mod delete_repository_policy;
        mod get_registry_policy;
        mod get_repository_policy;
        mod put_registry_policy;
        mod set_repository_policy;
        mod shape;
        pub use delete_registry_policy::DeleteRegistryPolicy;
        pub use delete_repository_policy::DeleteRepositoryPolicy;
        pub use get_registry_policy::GetRegistryPolicy;
        pub use get_repository_policy::GetRepositoryPolicy;
        pub use put_registry_policy::PutRegistryPolicy;
        pub use set_repository_policy::SetRepositoryPolicy;
    }
    pub mod images {
        mod batch_delete_image;
        mod batch_get_image;
        mod describe_images;
        mod list_image_referrers;
        mod list_images;
        mod put_image;
        mod shape;
        pub use batch_delete_image::BatchDeleteImage;
        pub use batch_get_image::BatchGetImage;
        pub use describe_images::DescribeImages;
        pub use list_image_referrers::ListImageReferrers;
        pub use list_images::ListImages;
        pub use put_image::PutImage;
    }
    pub mod layers {
        mod batch_check_layer_availability;
        mod complete_layer_upload;
        mod get_download_url_for_layer;
        mod initiate_layer_upload;
        mod upload_layer_part;
        pub use batch_check_layer_availability::BatchCheckLayerAvailability;
        pub use complete_layer_upload::CompleteLayerUpload;
        pub use get_download_url_for_layer::GetDownloadUrlForLayer;
        pub use initiate_layer_upload::InitiateLayerUpload;
        pub use upload_layer_part::UploadLayerPart;
    }
}

/// The operations of AWS STS.
pub mod sts {
    mod assume_role;
    mod assume_role_with_web_identity;
    mod get_access_key_info;
    mod get_caller_identity;
    mod get_federation_token;
    mod get_session_token;
    mod long_term;
    mod narrowing;
    mod role;
    mod session_tags;
    mod shape;
    pub use assume_role::AssumeRole;
    pub use assume_role_with_web_identity::AssumeRoleWithWebIdentity;
    pub use get_access_key_info::GetAccessKeyInfo;
    pub use get_caller_identity::GetCallerIdentity;
    pub use get_federation_token::GetFederationToken;
    pub use get_session_token::GetSessionToken;
}

pub use answer::{Answer, Told};
pub use edge::{Api, body_limit};
pub use endpoint::Endpoint;
pub use operation::{Address, Call, Listing, Operation, OwnRegistry, Target};
pub use refusal::Refusal;
pub use table::{ECR, Entry};
