//! Starts that cannot be: each says what is wrong and what to do.

use std::fs;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{
    throwaway::{ACCESS_KEY, BUCKET, Fault, Kind, SECRET_KEY},
    *,
};

/// What a start that fails says.
async fn said(settings: S3Settings, variables: Vec<(&'static str, String)>) -> String {
    let opened = S3::open_in(settings, &Environment::of(variables), quick()).await;
    opened.err().expect("the start fails").to_string()
}

#[test]
fn wrong_settings_are_named() {
    block_on(async {
        let house = House::of_s3().await;
        let right = settings(house.server(), &house.folder);
        let file = |text: &str| {
            let path = house.folder.path().join(Uuid::new_v4().to_string());
            fs::write(&path, text).unwrap();
            Some(path)
        };
        let absent = Some(house.folder.path().join("absent"));
        let text = |text: &str| Some(text.to_owned());
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let keys = |id: &str, key: &str| {
            file(&format!("[default]\naws_access_key_id={id}\naws_secret_access_key={key}"))
        };
        let right = || right.clone();
        let table = [
            (S3Settings { bucket: "a/b".into(), ..right() }, "the bucket of the S3 store"),
            (S3Settings { bucket: "absent".into(), ..right() }, "there is no such bucket"),
            (S3Settings { prefix: "a//b".into(), ..right() }, "the prefix"),
            (S3Settings { endpoint: text("s3.example.com"), ..right() }, "the endpoint"),
            (S3Settings { endpoint: text("ftp://s3.example.com"), ..right() }, "the endpoint"),
            (S3Settings { endpoint: text("http://host/path"), ..right() }, "without a path"),
            (S3Settings { public_endpoint: text("host"), ..right() }, "the public endpoint"),
            (
                S3Settings { endpoint: Some(format!("http://{closed}")), ..right() },
                "cannot be reached: check the endpoint: nobody listens",
            ),
            (
                S3Settings { endpoint: text("http://no-such-host.invalid"), ..right() },
                "there is no such host",
            ),
            (
                S3Settings {
                    endpoint: Some(house.server().endpoint.replace("http:", "https:")),
                    ..right()
                },
                "begin blobs_endpoint with http://",
            ),
            (S3Settings { ca_file: absent.clone(), ..right() }, "the CA file"),
            (S3Settings { ca_file: file("no PEM"), ..right() }, "no PEM certificate"),
            (S3Settings { credentials_file: absent, ..right() }, "no credentials"),
            (S3Settings { credentials_file: file("[other]"), ..right() }, "no profile [default]"),
            (
                S3Settings { credentials_file: file("[default]\nrole_arn=x"), ..right() },
                "role_arn is not supported",
            ),
            (
                S3Settings { credentials_file: file("[default]\naws_access_key_id=x"), ..right() },
                "no aws_secret_access_key",
            ),
            (
                S3Settings { credentials_file: keys("UNKNOWN", SECRET_KEY), ..right() },
                "refuses the bucket",
            ),
            (
                S3Settings { credentials_file: keys(ACCESS_KEY, "wrong"), ..right() },
                "the secret key is wrong",
            ),
        ];
        for (settings, expected) in table {
            let said = said(settings, Vec::new()).await;
            assert!(said.contains(expected), "{said}");
            assert!(!said.contains(SECRET_KEY), "{said}");
        }
    });
}

#[test]
fn what_the_store_answers_becomes_advice() {
    block_on(async {
        let house = House::of_s3().await;
        for (kind, status, code, expected) in [
            (Kind::List, 403, "AccessDenied", "s3:ListBucketMultipartUploads"),
            (Kind::List, 403, "InvalidAccessKeyId", "not, say, of Wharf itself"),
            (Kind::List, 404, "XAdminUserNotFound", "not, say, of Wharf itself"),
            (Kind::List, 400, "AuthorizationHeaderMalformed", "blobs_region"),
            (Kind::List, 403, "RequestTimeTooSkewed", "the clock"),
            (Kind::List, 301, "PermanentRedirect", "another Region"),
            (Kind::List, 400, "ExpiredToken", "expired"),
            (Kind::List, 503, "SlowDown", "status 503"),
            (Kind::Put, 403, "AccessDenied", "put an object"),
            (Kind::Head, 403, "AccessDenied", "length"),
            (Kind::Part, 501, "NotImplemented", "put a part"),
            (Kind::Abort, 501, "NotImplemented", "abort a multipart upload"),
            (Kind::Delete, 403, "AccessDenied", "delete an object"),
        ] {
            house.server().fail(kind, Fault::Refuse(status, code), usize::MAX);
            let said = said(settings(house.server(), &house.folder), Vec::new()).await;
            assert!(said.contains(expected), "{kind:?}: {said}");
            house.server().recover();
        }
    });
}

#[test]
fn what_does_not_speak_s3_is_found_out() {
    block_on(async {
        let house = House::of_s3().await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = Some(format!("http://{}", listener.local_addr().unwrap()));
        let mut answers = ["Client sent an HTTP request to an HTTPS server."].into_iter();
        let server = tokio::spawn(async move {
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut request = [0; 4096];
                let _read = socket.read(&mut request).await.unwrap();
                let text = answers.next().unwrap_or("hello");
                let status = if text == "hello" { "200 OK" } else { "400 Bad Request" };
                let length = text.len();
                let page = format!(
                    "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{text}"
                );
                socket.write_all(page.as_bytes()).await.unwrap();
            }
        });
        let settings = S3Settings { endpoint, ..settings(house.server(), &house.folder) };
        for expected in ["begin blobs_endpoint with https://", "does not speak S3"] {
            let said = said(settings.clone(), Vec::new()).await;
            assert!(said.contains(expected), "{said}");
        }
        server.abort();
    });
}

#[test]
fn credentials_come_from_where_aws_looks_for_them() {
    block_on(async {
        let house = House::of_s3().await;
        let home = house.folder.path().join("home");
        fs::create_dir_all(home.join(".aws")).unwrap();
        let section = |name: &str, secret: &str| {
            format!(
                "[{name}]\n# a comment\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {secret}\n\n"
            )
        };
        let both = section("default", "wrong") + &section("right", SECRET_KEY);
        fs::write(home.join(".aws/credentials"), both).unwrap();
        let right_file = house.server().credentials_file().display().to_string();
        let in_home = ("HOME", home.display().to_string());
        let key = ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned());
        let secret = |secret: &str| ("AWS_SECRET_ACCESS_KEY", secret.to_owned());
        let profile = ("AWS_PROFILE", "right".to_owned());
        for (variables, is_right) in [
            (vec![key.clone(), secret(SECRET_KEY)], true),
            (vec![key.clone(), secret(SECRET_KEY), in_home.clone()], true),
            (vec![key.clone(), secret("wrong")], false),
            (vec![key.clone()], false),
            (vec![in_home.clone()], false),
            (vec![in_home.clone(), profile.clone()], true),
            (vec![("AWS_SHARED_CREDENTIALS_FILE", right_file)], true),
            (vec![in_home, ("AWS_PROFILE", "absent".to_owned())], false),
        ] {
            let plain = settings(house.server(), &house.folder);
            let settings = S3Settings { credentials_file: None, ..plain };
            let named: Vec<_> = variables.iter().map(|(name, _)| *name).collect();
            let opened = S3::open_in(settings, &Environment::of(variables), quick()).await;
            assert_eq!(opened.is_ok(), is_right, "{named:?}: {:?}", opened.err());
        }
    });
}

#[test]
fn the_endpoint_of_wharf_itself_is_never_taken() {
    block_on(async {
        let house = House::of_s3().await;
        let plain = settings(house.server(), &house.folder);
        let nowhere = ("AWS_ENDPOINT_URL", "http://127.0.0.1:1".to_owned());
        let here = ("AWS_ENDPOINT_URL_S3", house.server().endpoint.clone());
        let settings = S3Settings { endpoint: None, ..plain };
        S3::open_in(settings, &Environment::of(vec![nowhere, here]), quick()).await.unwrap();
    });
}

#[test]
fn renewed_credentials_are_taken_up() {
    block_on(async {
        let house = House::of_s3().await;
        let file = house.folder.path().join("credentials");
        fs::copy(house.server().credentials_file(), &file).unwrap();
        let plain = settings(house.server(), &house.folder);
        let settings = S3Settings { credentials_file: Some(file.clone()), ..plain };
        let store = connect(settings, quick()).await.unwrap();
        let right = fs::read_to_string(&file).unwrap();
        fs::write(&file, right.replace(SECRET_KEY, "expired")).unwrap();
        fs::File::open(&file).unwrap().set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        let error = place(&store, &content(10)).await.unwrap_err();
        assert!(matches!(error, Error::Refused(_)), "{error:?}");
        fs::write(&file, right).unwrap();
        place(&store, &content(10)).await.unwrap();
    });
}

#[test]
fn nothing_stays_of_what_was_tried_out() {
    block_on(async {
        let house = House::of_s3().await;
        assert!(objects(&house.store).await.is_empty() && uploads(&house.store).await.is_empty());
        let left = |folder: &std::path::Path| -> Vec<_> {
            fs::read_dir(folder).map(|found| found.collect()).unwrap_or_default()
        };
        for probe in left(&house.server().path("some/where/probe")) {
            assert!(left(&probe.unwrap().path()).is_empty());
        }
        assert_eq!(BUCKET, "layers");
    });
}
