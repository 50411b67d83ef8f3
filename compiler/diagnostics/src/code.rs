//! The one table of diagnostic codes.
//!
//! Ranges by pass: `01xx` syntax, `02xx` names, `03xx` types, `04xx` graph and proofs, `05xx` connectors and
//! settings, `06xx` plan and project, `07xx` tests. `E` is an error, `W` a warning. A code that was released is never
//! given another meaning. Every code has a page in `catalogue/`, which the tests execute.

/// How grave a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The program cannot run.
    Error,
    /// The program runs; something in it is probably not meant.
    Warning,
}

/// The pass that finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Text to tree.
    Syntax,
    /// Names.
    Names,
    /// Types.
    Types,
    /// Graph and proofs.
    Graph,
    /// Settings and connectors.
    Settings,
    /// Project, lock file and plan.
    Project,
    /// `test` items.
    Tests,
}

/// An entry of the table.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// `E0101`.
    pub id: &'static str,
    /// Short name in words, `unexpected-token`.
    pub slug: &'static str,
    /// The pass.
    pub stage: Stage,
    /// Error or warning.
    pub severity: Severity,
    /// One line for lists.
    pub summary: &'static str,
    /// The page: what, why, a failing and a mended example.
    pub page: &'static str,
}

macro_rules! codes {
    ($($id:ident $stage:ident $severity:ident $slug:literal $summary:literal;)*) => {
        /// Every code.
        pub(crate) mod all {
            use super::{Code, Severity, Stage};
            $(
                #[doc = $summary]
                pub static $id: Code = Code {
                    id: stringify!($id),
                    slug: $slug,
                    stage: Stage::$stage,
                    severity: Severity::$severity,
                    summary: $summary,
                    page: include_str!(concat!("../catalogue/", stringify!($id), "-", $slug, ".md")),
                };
            )*
        }
        /// The whole table, in its order.
        pub static CODES: &[&Code] = &[$(&all::$id),*];
    };
}

codes! {
    E0101 Syntax Error "unexpected-token" "A word or sign stands where the language expects another.";
    E0102 Syntax Error "incomplete" "A statement ends before it is complete.";
    E0103 Syntax Error "unclosed-bracket" "A bracket is opened and never closed.";
    E0104 Syntax Error "stray-bracket" "A closing bracket stands where none is open.";
    E0105 Syntax Error "unclosed-text" "A text, or a value inserted into one, is not closed.";
    E0106 Syntax Error "unknown-item" "A word in column 0 starts no item.";
    E0107 Syntax Error "unknown-word" "A word starts no step, check or clause of a test, though another one nearly like it does.";
    E0108 Syntax Error "foreign-sign" "A sign or operator of another language.";
    E0109 Syntax Error "invisible-character" "A character that cannot be seen stands outside of a text.";
    E0110 Syntax Error "malformed-number" "A number or duration is not written like one, or is too large.";
    E0111 Syntax Error "malformed-time" "A date or timestamp is not written like one, or does not exist.";
    E0112 Syntax Error "malformed-text" "An escape or brace in a text means nothing.";
    E0113 Syntax Error "text-not-constant" "A value is inserted into a text that must be constant.";
    E0114 Syntax Error "not-indented" "Inside braces something other than a closing brace stands in column 0.";
    E0115 Syntax Error "indented-item" "An item does not start in column 0.";
    E0116 Syntax Error "nested-too-deep" "Brackets or expressions are nested too deep.";
    E0117 Syntax Error "misplaced-reject" "A reject stands in the middle of an expression.";
    E0118 Syntax Error "chained-comparison" "Comparisons or ranges are chained.";
    E0119 Syntax Error "default-of-input" "An input of a function has a default.";
    E0120 Syntax Error "reserved-word" "A word of the language stands where a name is due.";
    E0121 Syntax Error "equals-in-condition" "Two values are compared by a single equals sign.";
    E0122 Syntax Error "stray-comma" "A comma stands between settings, fields or statements.";
    E0123 Syntax Error "file-too-large" "A file is larger than 16 MiB.";
    E0124 Syntax Error "not-utf-8" "A file is not UTF-8.";
    E0201 Names Error "unknown-module" "A `use` names a module that is not there.";
    E0202 Names Error "not-in-module" "A `use` names an item that its module has not.";
    E0203 Names Error "declared-twice" "Two items of one module have one name.";
    E0204 Names Error "unknown-name" "A name means nothing in its place.";
    E0205 Names Error "ambiguous-name" "Two modules in use declare one name.";
    E0206 Names Error "wrong-kind" "A name is that of an item of another kind.";
    E0207 Names Error "allowance" "A comment that is to allow a warning cannot be understood.";
    W0201 Names Warning "comment-for-division" "A comment stands where a division is meant.";
    E0301 Types Error "mismatch" "A value has another type than its place needs.";
    E0302 Types Error "may-be-null" "A value that may be null stands where none may.";
    E0303 Types Error "operator" "An operator does not work between these types.";
    E0304 Types Error "no-form" "No form of a function takes these arguments.";
    E0305 Types Error "argument-count" "A function is given too many or too few arguments.";
    E0306 Types Error "out-of-range" "A number does not fit its type.";
    E0307 Types Error "no-member" "A record, row or value has no such member.";
    E0308 Types Error "unknown-type" "The type of an expression does not follow from its place.";
    E0309 Types Error "not-exhaustive" "A `match` leaves values out.";
    E0310 Types Error "mixed-pattern" "A pattern has another type than the value that is matched.";
    E0311 Types Error "bare-name" "A bare name as a pattern would match everything.";
    E0312 Types Error "recursive" "Something is defined by itself.";
    E0313 Types Error "not-constant" "A value that must be known when compiling is not.";
    E0314 Types Error "not-a-key" "A type cannot be a key.";
    E0315 Types Error "bad-pattern" "A text is not a regular expression.";
    E0316 Types Error "malformed-type" "A type is not written like one.";
    E0317 Types Error "record-members" "A record has a member twice, or lacks one.";
    E0318 Types Error "named-argument" "An argument is given by name.";
    E0319 Types Error "misplaced-lambda" "A lambda stands where no function is taken.";
    E0321 Types Error "not-loaded" "A row is read that no step has loaded.";
    E0331 Types Error "unbound-input" "A function needs an input that no earlier step makes.";
    E0332 Types Error "unknown-input" "A binding names an input or key that is not there.";
    E0333 Types Error "assigned-twice" "A name is assigned twice in one step.";
    E0334 Types Error "other-type" "A field gets a value of another type.";
    E0335 Types Error "save-operation" "An operation does not work on a state's field.";
    E0336 Types Error "unbound-key" "A key of a row is not a field here.";
    E0337 Types Error "jump" "A jump does not lead forward to a label.";
    E0338 Types Error "label" "A label stands where it cannot, or twice.";
    E0339 Types Error "field-name-taken" "A field has the name of a state, table, dimension or module.";
    E0340 Types Error "nested-repartition" "`repartition` stands inside a block.";
    E0341 Types Error "outputs" "A function's outputs do not fit its body.";
    E0342 Types Error "merge" "Streams cannot be merged.";
    E0343 Types Error "wrong-target" "A step names something that its keyword does not take.";
    E0344 Types Error "misplaced-clause" "A step has a clause that it cannot have.";
    E0345 Types Error "not-a-list" "`each` goes through something that is no list.";
    E0346 Types Error "expand-members" "What an expand writes to a dimension is not named field by field.";
    E0401 Graph Error "topic-types" "What is sent to a topic is not what a stream of the project reads from it.";
    E0402 Graph Error "message-key" "Messages to a topic that a flow reads have no key, or another than its reader keeps state by.";
    E0403 Graph Error "key-lost" "A state or derived field is written under a key that the stream's key does not reach.";
    E0404 Graph Error "no-key" "A flow keeps state, and its source has no key.";
    E0405 Graph Error "derived-unwritten" "No flow writes a derived field.";
    E0406 Graph Error "derived-twice" "Two flows write one derived field.";
    E0407 Graph Error "two-sources" "One state is saved by flows of two sources.";
    E0408 Graph Error "inexact-sum" "A sum is kept where it cannot be exact.";
    E0409 Graph Error "endless-loop" "A record can make itself come again for ever.";
    E0410 Graph Error "credential" "A credential stands in a text of the program.";
    E0411 Graph Error "broken-lock" "The lock file cannot be read.";
    E0412 Graph Error "field-identity" "A number of a field or code of a dimension is not what the stored data has.";
    E0413 Graph Error "nested-plan" "Something becomes too much, or is nested too deep, once functions and types are unfolded.";
    E0414 Graph Error "state-identity" "A state is gone, or has another shape than its stored values.";
    E0415 Graph Error "always-fails" "An operation fails whatever the record.";
    E0416 Graph Error "inner-contradiction" "The compiler made a plan that contradicts itself.";
    E0501 Settings Error "unknown-setting" "An item has no such setting.";
    E0502 Settings Error "setting-twice" "A setting is given twice.";
    E0503 Settings Error "missing-setting" "A setting that must be there is not.";
    E0504 Settings Error "wrong-value" "A setting has a value of the wrong form.";
    E0505 Settings Error "unknown-connector" "There is no such connector.";
    E0506 Settings Error "wrong-role" "A connector cannot be used in this place.";
    E0507 Settings Error "literal-secret" "A credential stands in the program.";
    E0508 Settings Error "unknown-option" "A connector has no such option.";
    E0509 Settings Error "store-template" "A state's store does not name every key.";
    E0510 Settings Error "clash" "Two dimensions or primaries clash.";
    E0511 Settings Error "dimension-code" "A dimension's code does not fit its primaries.";
    E0512 Settings Error "named-twice" "A name stands twice in one list, or a number is not allowed.";
    E0513 Settings Error "no-default" "A state's field has no value before the first save.";
    E0514 Settings Error "not-a-field" "A setting names a field that the record has not.";
    E0515 Settings Error "field-twice" "A field is declared twice.";
    E0516 Settings Error "mapping" "A mapping is not complete, or maps a value twice.";
    E0517 Settings Error "ingest-map" "An ingest's member does not fit its dimensions.";
    E0518 Settings Error "member-name" "A member's name cannot be read.";
    E0701 Tests Error "test" "A test says something that cannot be.";
    W0301 Types Warning "never-null" "The left side of `??` is never null.";
    W0302 Types Warning "never-fails" "The left side of `catch` cannot fail.";
    W0303 Types Warning "unreachable-arm" "An arm of a `match` is never reached.";
    W0304 Types Warning "needless-null-test" "A value that is never null is tested for null.";
    W0305 Types Warning "shadowing" "A name hides a field.";
    W0306 Types Warning "dollar-in-text" "A dollar stands before a value that is put into a text.";
    W0307 Types Warning "unused-input" "A function of steps does not use an input.";
    W0308 Types Warning "unused-label" "No jump names a label.";
    W0401 Graph Warning "growing-field" "A field of a state that is kept for ever grows for ever.";
    W0402 Graph Warning "unused" "Nothing uses what is declared.";
    W0403 Graph Warning "unused-field" "A flow computes a field that nothing uses.";
    W0404 Graph Warning "unreachable-step" "A step can never run.";
    W0405 Graph Warning "no-effect" "A flow does nothing.";
    W0406 Graph Warning "needless-allowance" "A warning is allowed where none is given.";
    W0407 Graph Warning "reason-twice" "Two places reject with one reason.";
    W0408 Graph Warning "unread-member" "A member of a message is read by nobody.";
    W0409 Graph Warning "never-fires" "A subscription can never fire.";
    W0410 Graph Warning "never-written" "A field is never written.";
    W0411 Graph Warning "unread-load" "What a step loads is not read.";
    W0501 Settings Warning "unbounded-state" "A state keeps every key for ever.";
    E0691 Project Error "broken-settings-file" "The file nsf.yaml cannot be read as YAML.";
    E0692 Project Error "wrong-project-setting" "A setting in nsf.yaml is not of the kind that is expected.";
    E0693 Project Error "unknown-project-setting" "A name in nsf.yaml is not the name of a setting.";
    E0694 Project Error "missing-project-setting" "A setting that must be in nsf.yaml is not.";
    E0695 Project Error "contradicting-project-settings" "Settings in nsf.yaml do not go together.";
    E0696 Project Error "credential-in-settings" "A password, token or key stands in nsf.yaml itself.";
    E0697 Project Error "malformed-reference" "A reference in nsf.yaml to a variable or file cannot be read.";
    E0698 Project Error "refused-property" "A property of the Kafka client may not be set.";
    W0691 Project Warning "missing-connection" "The program names a connection that a profile lacks.";
    W0692 Project Warning "state-of-tellings" "A flow keeps state of what a subscription tells, and a profile has several workers.";
}

impl Code {
    /// The entry of an id such as `E0101`, upper or lower case.
    #[must_use]
    pub fn find(id: &str) -> Option<&'static Code> {
        CODES.iter().copied().find(|code| code.id.eq_ignore_ascii_case(id))
    }
}
