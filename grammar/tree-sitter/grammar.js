/**
 * @file The grammar of NSF for editors. `../nsf.pest` is the grammar of the compiler; a test of the workspace holds the two together.
 * @license MIT OR Apache-2.0
 */

/// <reference types="tree-sitter-cli/dsl" />
// @ts-check

/** How strongly operators bind, loosest first, as the compiler orders them. */
const POWER = { or: 1, and: 2, not: 3, compare: 4, range: 5, add: 6, multiply: 7, negate: 8, coalesce: 9, catch: 10, postfix: 11 };

/** Words that are no name anywhere. Every other keyword is a name where nothing asks for the keyword. */
const RESERVED = ['and', 'or', 'not', 'in', 'if', 'then', 'else', 'match', 'catch', 'true', 'false', 'null'];

/** Words that start an item where they stand in column 0: the scanner knows them, in this order. */
const ITEMS = [
  'use', 'const', 'type', 'fn', 'builtin', 'mapping', 'tenant', 'primary', 'dimension', 'fields', 'space', 'source', 'table',
  'ingest', 'subscription', 'state', 'verify', 'calculate', 'load', 'save', 'expand', 'flow', 'monitor', 'test',
];

/** Words that start a step, but for `stop`, which is whole by itself. */
const STEPS = ['verify', 'load', 'calculate', 'save', 'expand', 'when', 'each', 'jump', 'repartition'];

/** `rule`, once or more, divided by commas; `last` says that a comma may end it. */
const listed = (rule, last = false) => seq(rule, repeat(seq(',', rule)), ...(last ? [optional(',')] : []));

/** A name where `keywords` may stand, too, which are names as well if what follows them says so. */
const named = ($, ...keywords) => choice($.identifier, ...keywords.map(keyword => alias(keyword, $.identifier)));

/** The keyword of an item. */
const item = ($, keyword) => alias($[`_item_${keyword}`], keyword);

module.exports = grammar({
  name: 'nsf',

  externals: $ => [
    ...ITEMS.map(keyword => $[`_item_${keyword}`]),
    $.raw_text,
    // The sign that makes a number a share; before an operand it is the operator.
    $._percent,
    // Never found. Because it may stand anywhere, the scanner is asked anywhere, and sees an item that starts where a bracket or a
    // text is not closed yet.
    $._never,
  ],

  extras: $ => [/[ \t\r\n]/, $.comment, $.doc_comment, $._never],

  word: $ => $.identifier,

  reserved: { words: _ => RESERVED },

  conflicts: $ => [
    // `use a.b` and `use a.{b}`.
    [$.path],
    // `stop when x { … }` is a stop and a step of its own.
    [$.stop_step],
    [$.jump_step],
    // `expand delete a` and `expand delete` of a dimension that is called so.
    [$.expand_step],
    // `(a)` and `(a) => a`.
    [$._operand, $.lambda_parameters],
    // A member and a field that are called `from`, a sign and a field that are called `derived`.
    [$.field],
    [$.dimension_field],
    // `insert [a] into b` and `insert[a] = b`.
    [$._name_of_saved, $.save_insert],
    [$._name_of_saved, $.save_remove],
    // `a, b` and `a` with a comma that ends it.
    [$.save_fields],
    // `expect rejected` and `expect rejected == 1`.
    [$.expect_count, $._name_of_operand],
    // `expect published with []` and `expect published` before a clause.
    [$.expect_published, $._name_of_operand],
  ],

  rules: {
    source_file: $ => repeat($._item),

    _item: $ => choice(
      $.use_item, $.const_item, $.type_item, $.fn_item, $.builtin_item, $.mapping_item, $.primary_item, $.dimension_item,
      $.fields_item, $.settings_item, $.step_function, $.flow_item, $.test_item,
    ),

    // ---------------------------------------------------------------------------------------------------------- words

    comment: _ => token(choice(/\/\/([^\/!\r\n][^\r\n]*)?/, /\/\/\/\/[^\r\n]*/)),
    doc_comment: _ => token(choice(/\/\/\/([^\/\r\n][^\r\n]*)?/, /\/\/![^\r\n]*/)),

    identifier: _ => /[_\p{XID_Start}][_\p{XID_Continue}]*/,

    number: $ => seq($._digits, optional($._percent)),
    _digits: _ => token(choice(/0x[0-9a-fA-F][0-9a-fA-F_]*/, /[0-9][0-9_]*(\.[0-9][0-9_]*)?([eE][+-]?[0-9]+)?/)),
    duration: _ => /([0-9][0-9_]*(min|ms|s|h|d))+/,
    moment: _ => /@\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?/,
    field_number: _ => /#\d+/,
    true: _ => 'true',
    false: _ => 'false',
    null: _ => 'null',

    text: $ => seq('"', repeat(choice($.text_content, $.escape, $.interpolation)), token.immediate('"')),
    text_content: _ => token.immediate(prec(1, /[^"\\{}\n]+/)),
    escape: _ => token.immediate(/\\([ntr\\"{}]|u\{[0-9a-fA-F]{1,6}\})/),
    interpolation: $ => seq(token.immediate('{'), $._expression, '}'),
    _any_text: $ => choice($.text, $.raw_text),

    // ---------------------------------------------------------------------------------------------------------- types

    _type: $ => choice($.record_type, $.function_type, $.named_type, $.nullable_type),
    nullable_type: $ => prec.right(1, seq(choice($.record_type, $.function_type, $.named_type), '?')),
    named_type: $ => seq(
      field('name', choice(alias($.identifier, $.type_identifier), alias('fn', $.type_identifier))), optional($.type_arguments),
    ),
    type_arguments: $ => seq('<', listed($._type), '>'),
    record_type: $ => seq('{', optional(listed($.field, true)), '}'),
    function_type: $ => prec.right(seq('fn', '(', optional(listed($._type)), ')', '->', $._type)),
    field: $ => seq(
      field('name', named($, 'from')), ':', field('type', $._type), optional(seq('from', field('member', $._any_text))),
      optional($.default),
    ),
    default: $ => seq('=', $._expression),
    parameters: $ => seq('(', optional(listed($.parameter, true)), ')'),
    parameter: $ => seq(field('name', $.identifier), ':', field('type', $._type), optional($.default)),

    // ---------------------------------------------------------------------------------------------------- expressions

    _expression: $ => choice($._operand, $.unary_expression, $.binary_expression, $.catch_expression),

    unary_expression: $ => choice(
      prec(POWER.not, seq('not', $._expression)),
      prec(POWER.negate, seq('-', $._expression)),
    ),

    binary_expression: $ => choice(...[
      ['or', POWER.or], ['and', POWER.and], ['==', POWER.compare], ['!=', POWER.compare], ['<', POWER.compare],
      ['<=', POWER.compare], ['>', POWER.compare], ['>=', POWER.compare], ['in', POWER.compare],
      [seq('not', 'in'), POWER.compare], ['..', POWER.range], ['+', POWER.add], ['-', POWER.add], ['*', POWER.multiply],
      ['/', POWER.multiply], ['%', POWER.multiply], ['??', POWER.coalesce],
    ].map(([operator, power]) =>
      // @ts-ignore
      prec.left(power, seq(field('left', $._expression), field('operator', operator), field('right', $._expression))))),

    catch_expression: $ => prec.left(POWER.catch, seq($._expression, 'catch', $._expression)),

    _operand: $ => choice(
      $.reject_value, $.raw_text, $._name_of_operand, $.text, $.number, $.duration, $.moment, $.list, $.record, $.parenthesized,
      $.true, $.false, $.null, $.if_expression, $.match_expression, $.member, $.index, $.call,
    ),
    _name_of_operand: $ => named($, 'reject', 'rejected', 'dropped', 'published', 'same'),
    reject_value: $ => prec(1, seq('reject', $._any_text)),
    member: $ => prec(POWER.postfix, seq(field('object', $._operand), choice('.', '?.'), field('name', $.identifier))),
    index: $ => prec(POWER.postfix, seq(field('object', $._operand), '[', $._expression, ']')),
    call: $ => prec(POWER.postfix, seq(field('function', $._operand), field('arguments', $.arguments))),
    arguments: $ => seq('(', optional(listed($._argument, true)), ')'),
    _argument: $ => choice($.labelled_argument, $.lambda, $._expression),
    labelled_argument: $ => seq(field('label', $._name_of_operand), ':', choice($.lambda, $._expression)),
    lambda: $ => seq(field('parameters', $.lambda_parameters), '=>', field('body', $._expression)),
    lambda_parameters: $ => choice($._name_of_operand, seq('(', optional(listed($._name_of_operand, true)), ')')),
    parenthesized: $ => seq('(', $._expression, ')'),
    list: $ => seq('[', optional(listed($._expression, true)), ']'),
    record: $ => seq('{', optional(listed($.entry, true)), '}'),
    entry: $ => choice(
      seq('...', $._expression),
      seq(field('name', choice($.identifier, $._any_text)), optional(seq(':', field('value', $._expression)))),
    ),
    if_expression: $ => seq('if', $._expression, 'then', $._expression, 'else', prec.right(0, $._expression)),
    match_expression: $ => seq('match', $._expression, '{', optional(listed($.match_arm, true)), '}'),
    match_arm: $ => seq(
      field('pattern', choice('else', $._pattern_values, $.identifier)), optional($.guard), '=>', field('value', $._expression),
    ),
    guard: $ => seq('if', $._expression),
    _pattern_values: $ => seq($._pattern_value, repeat(seq('|', $._pattern_value))),
    _pattern_value: $ => choice($._literal, alias($._literal_range, $.range)),
    _literal_range: $ => seq($._literal, '..', $._literal),
    _literal: $ => choice(
      seq(optional('-'), choice($.number, $.duration)), $._any_text, $.moment, $.true, $.false, $.null,
    ),

    // ---------------------------------------------------------------------------------------------------------- items

    use_item: $ => seq(
      item($, 'use'), field('path', $.path), optional(choice(seq('.', $.use_names), seq('as', field('alias', $.identifier)))),
    ),
    path: $ => seq($.identifier, repeat(seq('.', $.identifier))),
    use_names: $ => seq('{', listed($.identifier, true), '}'),

    const_item: $ => seq(
      item($, 'const'), field('name', $.identifier), optional(seq(':', field('type', $._type))), '=',
      field('value', $._expression),
    ),
    type_item: $ => seq(item($, 'type'), field('name', alias($.identifier, $.type_identifier)), '=', field('type', $._type)),
    fn_item: $ => seq(
      item($, 'fn'), field('name', $.identifier), field('parameters', $.parameters), '->', field('type', $._type), '=',
      field('body', $._expression),
    ),
    builtin_item: $ => seq(
      item($, 'builtin'), 'fn', field('name', $.identifier), optional($.generics), field('parameters', $.parameters), '->',
      field('type', $._type), optional('fails'),
    ),
    generics: $ => seq('<', listed($.generic), '>'),
    generic: $ => seq(
      field('name', alias($.identifier, $.type_identifier)), optional(seq(':', alias($.identifier, $.type_identifier))),
    ),

    mapping_item: $ => seq(
      item($, 'mapping'), field('name', $.identifier), ':', $._type, '->', $._type, field('body', $.mapping_body),
    ),
    mapping_body: $ => seq('{', repeat($.mapping_arm), optional($.mapping_else), '}'),
    mapping_arm: $ => seq($._literal, repeat(seq('|', $._literal)), '=>', $._literal),
    mapping_else: $ => seq('else', choice('keep', 'reject', seq('=>', $._literal))),

    primary_item: $ => seq(
      item($, 'primary'), field('name', $.identifier), ':', field('type', $._type), optional($.field_number),
      optional(field('label', $._any_text)),
    ),
    dimension_item: $ => seq(
      item($, 'dimension'), field('name', $.identifier), $.names, optional($.field_number),
      optional(seq('in', listed($.identifier))), optional(field('label', $._any_text)),
    ),
    names: $ => seq('(', listed($.identifier, true), ')'),

    fields_item: $ => seq(item($, 'fields'), field('name', $.identifier), field('body', $.fields_body)),
    fields_body: $ => seq('{', repeat($.dimension_field), '}'),
    dimension_field: $ => seq(
      field('name', named($, 'derived')), ':', field('type', $._type), optional($.field_number),
      optional(field('label', $._any_text)), optional('derived'), optional(field('body', $.settings)),
    ),

    settings_item: $ => seq(
      choice(
        seq(
          choice(...['tenant', 'space', 'source', 'table', 'ingest'].map(keyword => item($, keyword))),
          field('name', $.identifier),
        ),
        seq(
          choice(item($, 'subscription'), item($, 'monitor')), field('name', $.identifier), 'on', field('on', $.identifier),
        ),
        seq(item($, 'state'), field('name', $.identifier), 'by', $.names),
      ),
      field('body', $.settings),
    ),
    settings: $ => seq('{', repeat($.setting), '}'),
    setting: $ => seq(
      field('name', $.identifier),
      choice(
        seq(':', listed($._expression), optional(seq('else', $._expression))),
        field('body', $.setting_block),
      ),
    ),
    setting_block: $ => seq('{', optional(choice(repeat1($.assignment), repeat1($.field))), '}'),
    assignment: $ => seq(
      field('name', choice(named($, 'from'), $.path_of_field)), '=', field('value', $._expression),
    ),
    path_of_field: $ => seq(named($, 'from'), '.', $.identifier),

    step_function: $ => choice(
      seq(item($, 'verify'), field('name', $.identifier), $.parameters, field('body', $.checks)),
      seq(item($, 'calculate'), field('name', $.identifier), $.parameters, '->', $.parameters, field('body', $.statements)),
      seq(
        item($, 'load'), field('name', $.identifier), $.parameters, 'from', field('from', $.identifier), '->', $.parameters,
        field('body', $.statements),
      ),
      seq(
        item($, 'save'), field('name', $.identifier), $.parameters, 'into', field('into', $.identifier),
        field('body', $.operations),
      ),
      seq(item($, 'expand'), field('name', $.identifier), $.parameters, field('body', $.block)),
    ),

    flow_item: $ => seq(
      item($, 'flow'), field('name', $.identifier), 'from', $._flow_from, field('body', $.block),
    ),
    _flow_from: $ => choice(
      seq('expired', field('from', $.identifier)),
      listed(field('from', named($, 'expired'))),
    ),

    test_item: $ => seq(item($, 'test'), field('title', $._any_text), field('body', $.test_body)),
    test_body: $ => seq('{', repeat($.test_clause), '}'),
    test_clause: $ => choice(
      seq(choice('with', 'given'), field('name', $.identifier), choice($.list, $.record)),
      seq('expect', choice($.expect_count, $.expect_published, $.expect_same, $._expression)),
    ),
    expect_count: $ => prec.dynamic(1, prec.right(seq(
      choice('rejected', 'dropped'), optional($.identifier), optional(choice($.number, $.duration)), optional($._any_text),
    ))),
    expect_published: $ => seq('published', $.connector, $.list),
    connector: $ => seq(field('function', named($, 'with', 'given', 'expect')), optional(field('arguments', $.arguments))),
    expect_same: $ => seq('same', 'under', listed($.identifier)),

    // ---------------------------------------------------------------------------------------------------------- steps

    block: $ => seq('{', repeat(seq(optional($.label), $._step)), '}'),
    label: $ => seq(named($, ...STEPS), ':'),
    _step: $ => choice(
      $.verify_step, $.load_step, $.calculate_step, $.save_step, $.expand_step, $.when_step, $.each_step, $.stop_step,
      $.jump_step, $.repartition_step,
    ),

    verify_step: $ => seq('verify', choice(field('body', $.checks), seq(field('name', $.identifier), optional($.bindings)))),
    calculate_step: $ => seq(
      'calculate',
      choice(
        field('body', $.statements),
        seq(field('name', $.identifier), optional($.bindings), optional($.renamed_outputs)),
      ),
    ),
    load_step: $ => seq(
      'load', field('name', $.identifier), optional($.bindings), optional($.renamed_outputs),
      optional(seq('as', field('alias', $.identifier))), optional($.load_else),
    ),
    load_else: $ => seq('else', choice(seq('reject', $._any_text), seq('drop', optional($._any_text)))),
    save_step: $ => seq('save', field('name', $.identifier), optional($.bindings), optional(field('body', $.operations))),
    expand_step: $ => seq(
      'expand',
      choice(
        prec.dynamic(1, seq('delete', field('name', named($, ...STEPS, 'stop')), optional($.bindings))),
        prec.dynamic(1, seq('reset', field('name', named($, ...STEPS, 'stop')), optional($.bindings), $.record)),
        seq(field('name', named($, 'delete', 'reset')), optional($.arguments), optional($.record)),
      ),
    ),
    when_step: $ => prec.right(seq(
      'when', field('condition', $._expression), field('body', $.block), repeat($.else_when), optional($.else_block),
    )),
    else_when: $ => seq('else', 'when', field('condition', $._expression), field('body', $.block)),
    else_block: $ => seq('else', field('body', $.block)),
    each_step: $ => seq(
      'each', field('name', $.identifier), 'in', field('list', $._expression), field('body', $.block),
    ),
    stop_step: $ => seq('stop', optional(seq('when', field('condition', $._expression)))),
    jump_step: $ => seq('jump', field('label', $.identifier), optional(seq('when', field('condition', $._expression)))),
    repartition_step: $ => seq('repartition', 'by', listed($.identifier)),

    bindings: $ => seq('(', optional(listed($.binding, true)), ')'),
    binding: $ => seq(field('name', $.identifier), optional(seq(':', field('value', $._expression)))),
    renamed_outputs: $ => seq('->', '(', listed($.renamed, true), ')'),
    renamed: $ => seq(field('name', $.identifier), optional(seq(':', field('alias', $.identifier)))),

    checks: $ => seq('{', repeat($.check), '}'),
    check: $ => choice(
      seq('require', $._expression, optional(seq('else', 'reject', $._any_text))),
      seq('drop', 'when', $._expression, optional($._any_text)),
      seq('reject', 'when', $._expression, optional($._any_text)),
      seq('unique', listed($._expression), 'within', $._expression, optional($._any_text)),
    ),

    statements: $ => seq('{', repeat($.statement), '}'),
    statement: $ => seq(optional('let'), field('name', named($, 'let')), '=', field('value', $._expression)),

    operations: $ => seq('{', repeat(choice($.save_assign, $.save_insert, $.save_remove, $.save_delete, $.save_fields)), '}'),
    _name_of_saved: $ => named($, 'insert', 'remove', 'delete'),
    save_assign: $ => seq(
      field('name', $._name_of_saved), optional(seq('[', $._expression, ']')), choice('=', '+=', '-=', 'max=', 'min='),
      field('value', $._expression),
    ),
    save_insert: $ => seq('insert', $._expression, 'into', field('name', $.identifier)),
    save_remove: $ => seq('remove', $._expression, 'from', field('name', $.identifier)),
    save_delete: _ => prec(1, 'delete'),
    save_fields: $ => listed($._saved_binding, true),
    _saved_binding: $ => seq(field('name', $._name_of_saved), optional(seq(':', field('value', $._expression)))),
  },
});
