//! The grammar of object names.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

#[test]
fn names_survive_text_and_nothing_else_is_a_name() {
    let id = Uuid::now_v7();
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        let digest = Digest::of(algorithm, b"x");
        let object = Object::of_digest(&digest, id);
        let (hex, two) = (digest.hex(), &digest.hex()[..2]);
        assert_eq!(object.to_string(), format!("{algorithm}/{two}/{hex}.{id}"));
        assert_eq!(object.to_string().parse(), Ok(object.clone()));
        assert_eq!((object.digest(), object.session()), (Some(digest.clone()), id));
        let upper = id.to_string().to_uppercase();
        for trick in [
            format!("{algorithm}/{hex}.{id}"),
            format!("{algorithm}/../{hex}.{id}"),
            format!("{algorithm}/zz/{hex}.{id}"),
            format!("/{algorithm}/{two}/{hex}.{id}"),
            format!("./{algorithm}/{two}/{hex}.{id}"),
            format!("../blobs/{algorithm}/{two}/{hex}.{id}"),
            format!("{algorithm}/{two}/../{two}/{hex}.{id}"),
            format!("{algorithm}//{two}/{hex}.{id}"),
            format!("{algorithm}/{two}/{hex}.{id}/"),
            format!("{algorithm}/{two}/{hex}.{id}\0"),
            format!("{algorithm}/{two}/{hex}.{id}\n"),
            format!(" {algorithm}/{two}/{hex}.{id}"),
            format!("{algorithm}/{two}/{hex}.{upper}"),
            format!("{algorithm}/{two}/{hex}.{}", id.simple()),
            format!("{algorithm}/{two}/{hex}.{{{id}}}"),
            format!("{algorithm}/{two}/{hex}."),
            format!("{algorithm}/{two}/{hex}"),
            format!("{algorithm}/{two}/{}.{id}", hex.to_uppercase()),
            format!("{algorithm}/{two}/{}.{id}", &hex[1..]),
            format!("md5/{two}/{hex}.{id}"),
            String::new(),
        ] {
            assert!(trick.parse::<Object>().is_err(), "{trick:?}");
        }
    }
}

#[test]
fn names_in_s3_tell_the_session_only() {
    let (session, write) = (Uuid::new_v4(), Uuid::new_v4());
    let object = Object::of_write(session, write);
    let text = session.to_string();
    let two = &text[34..];
    assert_eq!(object.to_string(), format!("s3/{two}/{session}.{write}"));
    assert_eq!(object.to_string().parse(), Ok(object.clone()));
    assert_eq!((object.digest(), object.session()), (None, session));
    for trick in [
        format!("s3/../{session}.{write}"),
        format!("s3/{two}/{session}"),
        format!("s3/{two}/{session}.{write}/"),
        format!("s3/{two}/{session}.{}", write.simple()),
        format!("s4/{two}/{session}.{write}"),
        format!("s3/zz/{session}.{write}"),
    ] {
        assert!(trick.parse::<Object>().is_err(), "{trick:?}");
    }
}

proptest! {
    #[test]
    fn what_parses_is_printed_as_it_was(text in "(sha256|sha512|..)/[0-9a-f./]{0,3}/[0-9a-f/.]{60,68}\\.[0-9a-f-]{30,38}") {
        if let Ok(object) = text.parse::<Object>() {
            prop_assert_eq!(object.to_string(), text);
        }
    }
}
