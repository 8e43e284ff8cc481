//! What keeps a user, group or role from being deleted, with AWS's sentence for each.

use wharf_db::{Statement, Tx, statement};

use crate::Error;
use crate::entity::{Entity, Kind};

statement! {
    ATTACHED = "SELECT policy_arn FROM attached_policies WHERE entity_id = $1 LIMIT 1";
    INLINE = "SELECT name FROM inline_policies WHERE entity_id = $1 LIMIT 1";
    KEY = "SELECT id FROM access_keys WHERE user_id = $1 LIMIT 1";
    PROFILE = "SELECT user_id FROM login_profiles WHERE user_id = $1";
    GROUP = "SELECT group_id FROM group_members WHERE user_id = $1 LIMIT 1";
    MEMBER = "SELECT user_id FROM group_members WHERE group_id = $1 LIMIT 1";
}

type Conflict = (&'static Statement, &'static str);

const POLICIES: [Conflict; 2] = [
    (&ATTACHED, "Cannot delete entity, must detach all policies first."),
    (&INLINE, "Cannot delete entity, must delete policies first."),
];

/// In the order in which AWS looks.
fn of(kind: Kind) -> &'static [Conflict] {
    const USER: [Conflict; 5] = [
        POLICIES[0],
        POLICIES[1],
        (&KEY, "Cannot delete entity, must delete access keys first."),
        (&PROFILE, "Cannot delete entity, must delete login profile first."),
        (&GROUP, "Cannot delete entity, must remove user from groups first."),
    ];
    const GROUP_OF_USERS: [Conflict; 3] = [
        (&MEMBER, "Cannot delete entity, must remove users from group first."),
        POLICIES[0],
        POLICIES[1],
    ];
    match kind {
        Kind::User => &USER,
        Kind::Group => &GROUP_OF_USERS,
        Kind::Role => &POLICIES,
        Kind::Policy | Kind::Provider => &[],
    }
}

/// Refuses while anything hangs on the entity.
pub(crate) async fn check(tx: &mut Tx, entity: &Entity) -> Result<(), Error> {
    for (statement, sentence) in of(entity.kind) {
        if tx.optional::<(String,)>(statement, (entity.id.as_str(),)).await?.is_some() {
            return Err(Error::DeleteConflict(sentence));
        }
    }
    Ok(())
}
