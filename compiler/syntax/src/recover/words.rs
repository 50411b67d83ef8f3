//! The rules of the grammar in the words of a user.

use crate::grammar::Rule;

/// How a rule is called in a message; none for rules that say nothing by themselves.
#[allow(clippy::too_many_lines)] // One arm for each word: a table, exhaustive so that no rule is forgotten.
pub(crate) const fn described(rule: Rule) -> Option<&'static str> {
    use Rule as R;
    Some(match rule {
        R::name | R::lambda_names => "a name",
        R::open_brace
        | R::field_settings
        | R::setting_block
        | R::block
        | R::else_block
        | R::verify_body
        | R::calculate_body
        | R::save_body => "`{`",
        R::close_brace => "`}`",
        R::open_bracket | R::index => "`[`",
        R::close_bracket => "`]`",
        R::open_paren | R::parameters | R::call | R::name_list | R::connector | R::bindings => "`(`",
        R::close_paren => "`)`",
        R::comma => "`,`",
        R::colon | R::argument_label => "`:`",
        R::pipe => "`|`",
        R::dot | R::postfix | R::member | R::member_sign | R::use_names => "`.`",
        R::less | R::type_arguments | R::generics => "`<`",
        R::greater => "`>`",
        R::arrow | R::outputs | R::renamed_outputs => "`->`",
        R::fat_arrow => "`=>`",
        R::equals | R::save_operator => "`=`",
        R::minus => "`-`",
        R::range => "`..`",
        R::spread => "`...`",
        R::nullable => "`?`",
        R::k_and => "`and`",
        R::k_as | R::use_alias | R::load_alias => "`as`",
        R::k_builtin => "`builtin`",
        R::k_by | R::by_keys => "`by`",
        R::k_calculate => "`calculate`",
        R::k_const => "`const`",
        R::k_delete | R::expand_delete => "`delete`",
        R::k_derived | R::derived => "`derived`",
        R::k_dimension => "`dimension`",
        R::k_drop => "`drop`",
        R::k_dropped => "`dropped`",
        R::k_each | R::each_head => "`each`",
        R::k_else | R::mapping_else | R::setting_else | R::else_when | R::load_else | R::require_else => "`else`",
        R::k_expand | R::expand_step_head => "`expand`",
        R::k_expect => "`expect`",
        R::k_expired => "`expired`",
        R::k_fails => "`fails`",
        R::k_false
        | R::k_null
        | R::k_true
        | R::numeral
        | R::moment
        | R::plain_text
        | R::rich_text
        | R::raw_text
        | R::text
        | R::default
        | R::expr
        | R::prefix
        | R::operand
        | R::reject_value
        | R::argument
        | R::lambda
        | R::paren
        | R::list
        | R::record
        | R::if_expr
        | R::match_expr
        | R::pattern_values
        | R::pattern_value
        | R::literal
        | R::setting_values
        | R::rows => "a value",
        R::k_fields => "`fields`",
        R::k_flow => "`flow`",
        R::k_fn => "`fn`",
        R::k_from | R::from_member | R::load_from => "`from`",
        R::k_given => "`given`",
        R::k_if | R::guard => "`if`",
        R::k_in | R::in_spaces => "`in`",
        R::k_ingest => "`ingest`",
        R::k_insert => "`insert`",
        R::k_into | R::save_into => "`into`",
        R::k_jump => "`jump`",
        R::k_keep => "`keep`",
        R::k_let => "`let`",
        R::k_load => "`load`",
        R::k_mapping => "`mapping`",
        R::k_match => "`match`",
        R::k_monitor => "`monitor`",
        R::k_on | R::on_target => "`on`",
        R::k_primary => "`primary`",
        R::k_published | R::expect_published => "`published`",
        R::k_reject => "`reject`",
        R::k_rejected => "`rejected`",
        R::k_remove => "`remove`",
        R::k_repartition => "`repartition`",
        R::k_require => "`require`",
        R::k_reset | R::expand_reset | R::expand_reset_head => "`reset`",
        R::k_same | R::expect_same => "`same`",
        R::k_save | R::save_step_head => "`save`",
        R::k_source => "`source`",
        R::k_space => "`space`",
        R::k_state => "`state`",
        R::k_stop => "`stop`",
        R::k_subscription => "`subscription`",
        R::k_table => "`table`",
        R::k_tenant => "`tenant`",
        R::k_test => "`test`",
        R::k_then => "`then`",
        R::k_type => "`type`",
        R::k_under => "`under`",
        R::k_unique => "`unique`",
        R::k_use => "`use`",
        R::k_verify => "`verify`",
        R::k_when | R::stop_when => "`when`",
        R::k_with => "`with`",
        R::k_within => "`within`",
        R::text_chars => "the end of the text (`\"`)",
        R::number_sign => "a number after `#`",
        R::type_expr | R::named_type | R::record_type | R::function_type | R::type_note => "a type",
        R::field | R::dimension_field => "a field",
        R::parameter => "a parameter",
        R::infix => "an operator",
        R::entry | R::binding | R::renamed => "an entry",
        R::match_arm | R::mapping_arm => "an arm",
        R::label_text => "a text",
        R::setting => "a setting",
        R::assignment | R::calculate_statement => "`name = value`",
        R::flow_from => "the name of a source, subscription or flow",
        R::test_clause => "`with`, `given` or `expect`",
        R::expect_count => "`rejected` or `dropped`",
        R::step
        | R::step_body
        | R::verify_step
        | R::calculate_step
        | R::load_step
        | R::save_step
        | R::expand_step
        | R::when_step
        | R::each_step
        | R::stop_step
        | R::jump_step
        | R::repartition_step => "a step",
        R::check | R::require_check | R::drop_check | R::reject_check | R::unique_check => {
            "a check (`require`, `drop`, `reject`, `unique`)"
        }
        R::save_operation | R::save_assign | R::save_insert | R::save_remove | R::save_delete | R::save_fields => {
            "a change of the state"
        }
        R::WHITESPACE
        | R::word_start
        | R::word_rest
        | R::reserved
        | R::digits
        | R::unit
        | R::percent
        | R::text_escape
        | R::interpolation
        | R::use_item
        | R::const_item
        | R::type_item
        | R::fn_item
        | R::builtin_item
        | R::generic
        | R::mapping_item
        | R::mapping_head
        | R::primary_item
        | R::dimension_item
        | R::fields_item
        | R::fields_head
        | R::settings_item
        | R::settings_head
        | R::step_function
        | R::verify_head
        | R::calculate_head
        | R::load_head
        | R::save_head
        | R::expand_head
        | R::flow_item
        | R::flow_head
        | R::test_item
        | R::test_head
        | R::not_a_count
        | R::clause_start
        | R::label
        | R::use_entry
        | R::const_entry
        | R::type_entry
        | R::fn_entry
        | R::builtin_entry
        | R::mapping_entry
        | R::primary_entry
        | R::dimension_entry
        | R::fields_entry
        | R::settings_entry
        | R::step_function_entry
        | R::flow_entry
        | R::test_entry
        | R::setting_entry
        | R::field_entry
        | R::assignment_entry
        | R::dimension_field_entry
        | R::mapping_arm_entry
        | R::test_clause_entry
        | R::step_entry
        | R::check_entry
        | R::calculate_statement_entry
        | R::save_operation_entry
        | R::record_entry
        | R::expr_entry
        | R::mapping_head_entry
        | R::fields_head_entry
        | R::settings_head_entry
        | R::step_function_head_entry
        | R::flow_head_entry
        | R::test_head_entry
        | R::each_head_entry
        | R::save_step_head_entry
        | R::expand_step_head_entry
        | R::EOI => return None,
    })
}
