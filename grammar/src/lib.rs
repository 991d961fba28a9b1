//! The grammar of the nasrec language, and the names its rules have in messages.
//!
//! Lives here: `nasrec.pest`, the parser that pest makes of it, and words for people. Never: meaning (that is
//! `nasrec-compiler`), or a tree (that is its `syntax/`).

use std::num::NonZeroUsize;

use pest_derive::Parser;

/// The parser; `NasrecParser::parse(Rule::item, text)`.
#[derive(Parser)]
#[grammar = "nasrec.pest"]
pub struct NasrecParser;

/// How many rules one parse may enter before it is given up: far beyond any real item, and low enough that hostile
/// input ends.
const CALL_LIMIT: usize = 50_000_000;

/// Sets pest's process-wide call limit. Call it before the first parse; calling it again changes nothing.
pub fn limit_work() {
    pest::set_call_limit(NonZeroUsize::new(CALL_LIMIT));
}

/// What a rule is called in "expected …", or `None` for rules that would only add noise.
pub fn describe(rule: Rule) -> Option<&'static str> {
    Some(match rule {
        Rule::name | Rule::word => "a name",
        Rule::number => "a number",
        Rule::percent => "a percentage",
        Rule::text => "a text in double quotes",
        Rule::switch => "`on` or `off`",
        Rule::expression | Rule::operation | Rule::group | Rule::list | Rule::call => "an expression",
        Rule::argument => "an argument",
        Rule::alternative => "an alternative",
        Rule::body => "a body in `{ }`",
        Rule::op_param | Rule::space_param => "a parameter",
        Rule::op_params | Rule::space_params => "parameters in `( )`",
        Rule::type_of => "a type",
        Rule::names => "`{ names }`",
        Rule::stem => "`{ dense = …; sparse = … }`",
        Rule::stem_part => "`name = …`",
        Rule::columns => "columns, such as `I[1..13]`",
        Rule::written => "how it is written, such as `hex`",
        Rule::places => "numbers of columns, such as `1..13`",
        Rule::counts_if => "a condition, such as `>= 4`",
        Rule::stage => "a step, such as `log1p`",
        Rule::schema_section => "columns with a name, such as `user { … }`",
        Rule::schema_line => "a line such as `dense I[1..13]`",
        Rule::setting | Rule::entry => "`key: value`",
        Rule::section => "a section in `{ }`",
        Rule::value => "a value",
        Rule::reference => "a name, with arguments if it takes any",
        Rule::made | Rule::made_choice => "`choice: value`",
        Rule::made_in => "a block such as `b[1] { … }`",
        Rule::turn => "a name for the number of an iteration",
        Rule::repeat | Rule::kw_repeat => "`repeat`",
        Rule::kw_as => "`as`",
        Rule::require | Rule::kw_require => "`require`",
        Rule::forbid | Rule::kw_forbid => "`forbid`",
        Rule::shared | Rule::kw_shared => "`shared`",
        Rule::test | Rule::kw_test => "`test`",
        Rule::claim => "a claim, such as `raw(space) == 128`",
        Rule::instances => "instances, such as `[1..7]`",
        Rule::statements => "statements in `{ }`",
        Rule::pattern_params => "parameters in `( )`",
        Rule::pattern_param => "a parameter",
        Rule::r#const | Rule::kw_const => "`const`",
        Rule::extends | Rule::kw_extends => "`extends`",
        Rule::how_many => "how many, such as `1..2`",
        Rule::rest => "`..`",
        Rule::kw_after => "`after`",
        Rule::arch | Rule::kw_arch => "`arch`",
        Rule::baselines | Rule::kw_baseline => "`baseline`",
        Rule::block | Rule::pattern | Rule::kw_block => "`block`",
        Rule::choose | Rule::kw_choose => "`choose`",
        Rule::earlier | Rule::kw_earlier => "`earlier`",
        Rule::kw_else => "`else`",
        Rule::kw_from => "`from`",
        Rule::if_else | Rule::kw_if => "`if`",
        Rule::import | Rule::kw_import => "`import`",
        Rule::kw_in => "`in`",
        Rule::input | Rule::kw_input => "`input`",
        Rule::binding | Rule::kw_let => "`let`",
        Rule::logit | Rule::kw_logit => "`logit`",
        Rule::kw_auxiliary => "`auxiliary`",
        Rule::kw_nasrec => "`nasrec`",
        Rule::kw_of => "`of`",
        Rule::kw_on => "`on`",
        Rule::op | Rule::kw_op => "`op`",
        Rule::out | Rule::kw_out => "`out`",
        Rule::pick | Rule::kw_pick => "`pick`",
        Rule::schema | Rule::kw_schema => "`schema`",
        Rule::search | Rule::kw_search => "`search`",
        Rule::train | Rule::kw_train => "`train`",
        Rule::space | Rule::kw_space => "`space`",
        Rule::width | Rule::widths | Rule::kw_width => "`width`",
        Rule::kw_with => "`with`",
        Rule::assign => "`=`",
        Rule::colon => "`:`",
        Rule::pipe => "`|`",
        Rule::open => "`{`",
        Rule::EOI | Rule::end => "the end of the line",
        rule if continues_expression(rule) => "an operator",
        _ => return None,
    })
}

/// Whether a rule is what an expression can go on with: where one of these is expected, an expression has just ended.
pub fn continues_expression(rule: Rule) -> bool {
    matches!(
        rule,
        Rule::plus
            | Rule::minus
            | Rule::times
            | Rule::divide
            | Rule::equal
            | Rule::unequal
            | Rule::less
            | Rule::greater
            | Rule::at_most
            | Rule::at_least
            | Rule::and
            | Rule::or
            | Rule::implies
            | Rule::within
            | Rule::member
            | Rule::index
            | Rule::arguments
            | Rule::kw_step
    )
}

/// Rules in whose place an "expected …" list says what they begin with.
pub fn beginnings(rule: Rule) -> &'static [&'static str] {
    match rule {
        Rule::item => &[
            "`import`", "`const`", "`op`", "`space`", "`block`", "`schema`", "`search`", "`train`", "`arch`", "`test`",
        ],
        Rule::statement => &[
            "`let`",
            "`width`",
            "`input`",
            "`block`",
            "`out`",
            "`logit`",
            "`auxiliary`",
            "`shared`",
            "`require`",
            "`forbid`",
        ],
        _ => &[],
    }
}

/// Whether a rule is a keyword or a sign: it marks its place and holds nothing.
pub fn is_keyword(rule: Rule) -> bool {
    matches!(
        rule,
        Rule::assign
            | Rule::colon
            | Rule::pipe
            | Rule::open
            | Rule::end
            | Rule::kw_after
            | Rule::kw_as
            | Rule::kw_const
            | Rule::kw_extends
            | Rule::kw_shared
            | Rule::kw_forbid
            | Rule::kw_for
            | Rule::kw_test
            | Rule::kw_maybe
            | Rule::kw_repeat
            | Rule::kw_require
            | Rule::kw_arch
            | Rule::kw_baseline
            | Rule::kw_block
            | Rule::kw_choose
            | Rule::kw_earlier
            | Rule::kw_else
            | Rule::kw_from
            | Rule::kw_if
            | Rule::kw_import
            | Rule::kw_in
            | Rule::kw_input
            | Rule::kw_let
            | Rule::kw_logit
            | Rule::kw_auxiliary
            | Rule::kw_nasrec
            | Rule::kw_of
            | Rule::kw_on
            | Rule::kw_op
            | Rule::kw_out
            | Rule::kw_pick
            | Rule::kw_schema
            | Rule::kw_search
            | Rule::kw_train
            | Rule::kw_space
            | Rule::kw_step
            | Rule::kw_width
            | Rule::kw_with
    )
}
