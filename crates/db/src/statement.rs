//! The declared SQL of the whole program. A statement can only be made by [`statement!`], which
//! also enters it in [`STATEMENTS`], so one test prepares every statement on every engine.

/// One SQL text with `$1` placeholders that both engines understand.
pub struct Statement {
    sql: &'static str,
}

impl Statement {
    #[doc(hidden)]
    #[must_use]
    pub const fn new(sql: &'static str) -> Statement {
        Statement { sql }
    }

    /// The text, as written.
    #[must_use]
    pub fn sql(&self) -> &'static str {
        self.sql
    }
}

/// Every statement of every linked crate.
// Collecting them is done by the linker, which the compiler counts as unsafe code.
#[allow(unsafe_code)]
#[linkme::distributed_slice]
pub static STATEMENTS: [&'static Statement];

/// Declares a statement: `statement!(FIND = "SELECT …");`
#[macro_export]
macro_rules! statement {
    ($($(#[$meta:meta])* $visibility:vis $name:ident = $sql:expr;)+) => {
        $($crate::statement!($(#[$meta])* $visibility $name = $sql);)+
    };
    ($(#[$meta:meta])* $visibility:vis $name:ident = $sql:expr) => {
        $(#[$meta])*
        $visibility static $name: $crate::Statement = $crate::Statement::new($sql);
        const _: () = {
            #[allow(unsafe_code)]
            #[$crate::linkme::distributed_slice($crate::STATEMENTS)]
            #[linkme(crate = $crate::linkme)]
            static ENTRY: &$crate::Statement = &$name;
        };
    };
}
