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
const CALL_LIMIT: usize = 20_000_000;

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
        Rule::expression | Rule::operation | Rule::group | Rule::list => "an expression",
        Rule::call => "a call",
        Rule::arguments => "arguments in `( )`",
        Rule::argument => "an argument",
        Rule::pick => "`pick`",
        Rule::choose => "`choose { … }`",
        Rule::alternative => "an alternative",
        Rule::if_else => "`if … { … } else { … }`",
        Rule::body => "a body in `{ }`",
        Rule::binding => "`let name = …`",
        Rule::import => "`import \"file\"`",
        Rule::op => "`op`",
        Rule::space => "`space`",
        Rule::schema => "`schema`",
        Rule::search => "`search`",
        Rule::arch => "`arch`",
        Rule::input => "`input name: kind`",
        Rule::width => "`width name in …`",
        Rule::out => "`out name = …`",
        Rule::logit => "`logit = …`",
        Rule::block => "`block`",
        Rule::op_param | Rule::space_param => "a parameter",
        Rule::op_params | Rule::space_params => "parameters in `( )`",
        Rule::type_of => "a type",
        Rule::names => "`{ names }`",
        Rule::stem => "`{ dense = …; sparse = … }`",
        Rule::stem_part => "`name = …`",
        Rule::columns => "columns, such as `I[1..13]`",
        Rule::stage => "a step, such as `log1p`",
        Rule::schema_line => "a schema line",
        Rule::setting | Rule::entry => "`key: value`",
        Rule::section => "a section in `{ }`",
        Rule::value => "a value",
        Rule::reference => "a name, with arguments if it takes any",
        Rule::baselines => "`baseline`",
        Rule::made | Rule::made_choice => "`choice: value`",
        Rule::made_in => "a block such as `b[1] { … }`",
        Rule::index => "`[ ]`",
        Rule::member => "`.member`",
        Rule::doc => return None,
        Rule::EOI => "the end of the item",
        Rule::plus | Rule::minus | Rule::times | Rule::divide => "an operator",
        Rule::equal | Rule::unequal | Rule::less | Rule::greater | Rule::at_most | Rule::at_least => "a comparison",
        Rule::and | Rule::or => "`and` or `or`",
        _ => return None,
    })
}
