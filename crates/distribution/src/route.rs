//! The path grammar, applied once to the raw path. Nothing is normalised: a path that is not
//! exactly one of these is no route, so what is authorised is what is touched.
//!
//! Source: OCI distribution specification 1.1, "Endpoints".

use wharf_oci::RepositoryName;

/// What a path names. References and digests are still text: whether they are well-formed is the
/// endpoint's to say, with its own error.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Route {
    Base,
    Catalog,
    Tags { name: RepositoryName },
    Manifest { name: RepositoryName, reference: String },
    Blob { name: RepositoryName, digest: String },
    Uploads { name: RepositoryName },
    Upload { name: RepositoryName, id: String },
    Referrers { name: RepositoryName, digest: String },
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum NotARoute {
    Unknown,
    /// It is one but for the repository's name.
    Name(String),
}

impl Route {
    /// Parses a path that begins with `/v2`.
    pub(crate) fn parse(path: &str) -> Result<Route, NotARoute> {
        let rest = match path.strip_prefix("/v2") {
            Some("" | "/") => return Ok(Route::Base),
            Some(rest) => rest.strip_prefix('/').ok_or(NotARoute::Unknown)?,
            None => return Err(NotARoute::Unknown),
        };
        if rest == "_catalog" {
            return Ok(Route::Catalog);
        }
        if let Some(name) = rest.strip_suffix("/tags/list") {
            return Ok(Route::Tags { name: read(name)? });
        }
        for uploads in ["/blobs/uploads/", "/blobs/uploads"] {
            if let Some(name) = rest.strip_suffix(uploads) {
                return Ok(Route::Uploads { name: read(name)? });
            }
        }
        let (front, last) = rest.rsplit_once('/').ok_or(NotARoute::Unknown)?;
        let last = last.replace("%3A", ":").replace("%3a", ":");
        if last.is_empty() || last.contains('%') {
            return Err(NotARoute::Unknown);
        }
        if let Some(name) = front.strip_suffix("/blobs/uploads") {
            return Ok(Route::Upload { name: read(name)?, id: last });
        }
        if let Some(name) = front.strip_suffix("/manifests") {
            return Ok(Route::Manifest { name: read(name)?, reference: last });
        }
        if let Some(name) = front.strip_suffix("/blobs") {
            return Ok(Route::Blob { name: read(name)?, digest: last });
        }
        if let Some(name) = front.strip_suffix("/referrers") {
            return Ok(Route::Referrers { name: read(name)?, digest: last });
        }
        Err(NotARoute::Unknown)
    }
}

fn read(name: &str) -> Result<RepositoryName, NotARoute> {
    name.parse().map_err(|_| NotARoute::Name(name.to_owned()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn name(text: &str) -> RepositoryName {
        text.parse().unwrap()
    }

    #[test]
    fn every_endpoint_is_found() {
        let parse = |path: &str| Route::parse(path).unwrap();
        assert_eq!(parse("/v2"), Route::Base);
        assert_eq!(parse("/v2/"), Route::Base);
        assert_eq!(parse("/v2/_catalog"), Route::Catalog);
        assert_eq!(parse("/v2/a/b/tags/list"), Route::Tags { name: name("a/b") });
        let reference = "v1".to_owned();
        assert_eq!(parse("/v2/ab/manifests/v1"), Route::Manifest { name: name("ab"), reference });
        let digest = "sha256:0".to_owned();
        let blob = Route::Blob { name: name("ab"), digest };
        assert_eq!(parse("/v2/ab/blobs/sha256:0"), blob);
        assert_eq!(parse("/v2/ab/blobs/sha256%3A0"), blob);
        assert_eq!(parse("/v2/ab/blobs/uploads/"), Route::Uploads { name: name("ab") });
        assert_eq!(parse("/v2/ab/blobs/uploads"), Route::Uploads { name: name("ab") });
        let id = "x".to_owned();
        assert_eq!(parse("/v2/ab/blobs/uploads/x"), Route::Upload { name: name("ab"), id });
        let digest = "sha256:0".to_owned();
        assert_eq!(
            parse("/v2/ab/referrers/sha256:0"),
            Route::Referrers { name: name("ab"), digest }
        );
        // Words of the grammar may be part of a name.
        let odd = Route::Tags { name: name("manifests/blobs/uploads") };
        assert_eq!(parse("/v2/manifests/blobs/uploads/tags/list"), odd);
    }

    #[test]
    fn tricks_are_no_routes() {
        for path in [
            "/v2x",
            "/v2//",
            "/v2/ab",
            "/v2/ab/",
            "/v2/ab/manifests/",
            "/v2/_catalog/",
            "/v2/ab/manifests/%2e%2e",
            "/v2/ab/blobs/..%2f",
            "/v2/ab/tags/list/",
        ] {
            assert_eq!(Route::parse(path), Err(NotARoute::Unknown), "{path}");
        }
        for path in [
            "/v2/../ab/tags/list",
            "/v2/ab//c/tags/list",
            "/v2/AB/tags/list",
            "/v2/a%2fb/tags/list",
            "/v2/ab/./manifests/v1",
            "/v2/ab\\c/manifests/v1",
            "/v2//manifests/v1",
        ] {
            assert!(matches!(Route::parse(path), Err(NotARoute::Name(_))), "{path}");
        }
    }
}
