//! The grammar of object names.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

#[test]
fn names_survive_text_and_nothing_else_is_a_name() {
    let id = Uuid::now_v7();
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        let digest = Digest::of(algorithm, b"x");
        let object = Object::new(&digest, id);
        let (hex, two) = (digest.hex(), &digest.hex()[..2]);
        assert_eq!(object.to_string(), format!("{algorithm}/{two}/{hex}.{id}"));
        assert_eq!(object.to_string().parse(), Ok(object));
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

proptest! {
    #[test]
    fn what_parses_is_printed_as_it_was(text in "(sha256|sha512|..)/[0-9a-f./]{0,3}/[0-9a-f/.]{60,68}\\.[0-9a-f-]{30,38}") {
        if let Ok(object) = text.parse::<Object>() {
            prop_assert_eq!(object.to_string(), text);
        }
    }
}
