; Colours, by the names of Neovim and of tree-sitter itself. A later pattern goes before an earlier one.

; ------------------------------------------------------------------------------------------------------------------- names

(identifier) @variable

(type_identifier) @type
((type_identifier) @type.builtin
  (#any-of? @type.builtin
    "bool" "int8" "int16" "int32" "int64" "uint8" "uint16" "uint32" "uint64" "float32" "float64" "decimal" "text" "date"
    "timestamp" "duration" "json" "list" "set" "map" "select"))

(const_item name: (identifier) @constant)
(fn_item name: (identifier) @function)
(builtin_item name: (identifier) @function.builtin)
(mapping_item name: (identifier) @function)
(step_function name: (identifier) @function)
(flow_item name: (identifier) @function)
(flow_item from: (identifier) @type)
(step_function from: (identifier) @type)
(step_function into: (identifier) @type)
(primary_item name: (identifier) @variable.member)
(dimension_item name: (identifier) @type)
(fields_item name: (identifier) @type)
(settings_item name: (identifier) @type)
(settings_item on: (identifier) @type)
(names (identifier) @variable.member)
(path (identifier) @module)

(setting name: (identifier) @property)
(field name: (identifier) @variable.member)
(dimension_field name: (identifier) @variable.member)
(assignment name: (identifier) @variable.member)
(path_of_field (identifier) @variable.member)
(entry name: (identifier) @property)
(binding name: (identifier) @variable.member)
(renamed (identifier) @variable.member)
(statement name: (identifier) @variable.member)
(save_assign name: (identifier) @variable.member)
(save_fields name: (identifier) @variable.member)
(save_insert name: (identifier) @variable.member)
(save_remove name: (identifier) @variable.member)
(member name: (identifier) @variable.member)

(parameter name: (identifier) @variable.parameter)
(lambda_parameters (identifier) @variable.parameter)
(labelled_argument label: (identifier) @variable.parameter)

(call function: (identifier) @function.call)
(call function: (member name: (identifier) @function.method.call))
(connector function: (identifier) @function.call)

(verify_step name: (identifier) @function.call)
(calculate_step name: (identifier) @function.call)
(load_step name: (identifier) @type)
(save_step name: (identifier) @type)
(expand_step name: (identifier) @type)
(test_clause name: (identifier) @type)
(each_step name: (identifier) @variable.parameter)

(label (identifier) @label)
(jump_step label: (identifier) @label)

; ---------------------------------------------------------------------------------------------------------------- literals

(text) @string
(raw_text) @string
(escape) @string.escape
(interpolation
  "{" @punctuation.special
  "}" @punctuation.special)
(number) @number
(duration) @number
(moment) @number
(field_number) @attribute
[
  (true)
  (false)
] @boolean
(null) @constant.builtin

; ---------------------------------------------------------------------------------------------------------------- keywords

[
  "tenant"
  "primary"
  "dimension"
  "fields"
  "derived"
  "space"
  "source"
  "table"
  "ingest"
  "subscription"
  "state"
  "monitor"
  "mapping"
  "const"
  "let"
  "test"
  "given"
  "expect"
  "with"
  "on"
  "by"
  "from"
  "into"
  "within"
  "expired"
  "published"
  "rejected"
  "dropped"
  "same"
  "under"
  "keep"
  "delete"
  "reset"
  "insert"
  "remove"
  "require"
  "unique"
  "builtin"
  "fails"
] @keyword

[
  "verify"
  "load"
  "calculate"
  "save"
  "expand"
  "repartition"
  "flow"
  "fn"
] @keyword.function

"type" @keyword.type

[
  "use"
  "as"
] @keyword.import

[
  "if"
  "then"
  "else"
  "match"
  "when"
  "stop"
  "jump"
] @keyword.conditional

"each" @keyword.repeat

[
  "and"
  "or"
  "not"
  "in"
] @keyword.operator

[
  "catch"
  "reject"
  "drop"
] @keyword.exception

(save_delete) @keyword

; ------------------------------------------------------------------------------------------------------------------- signs

[
  "="
  "+="
  "-="
  "max="
  "min="
  "=="
  "!="
  "<="
  ">="
  "+"
  "-"
  "*"
  "/"
  "%"
  "??"
  ".."
  "..."
  "->"
  "=>"
  "|"
] @operator

(binary_expression
  operator: _ @operator)
(binary_expression
  operator: [
    "and"
    "or"
    "not"
    "in"
  ] @keyword.operator)

(nullable_type
  "?" @operator)

[
  ","
  ":"
  "."
  "?."
] @punctuation.delimiter

[
  "("
  ")"
  "["
  "]"
] @punctuation.bracket

(type_arguments
  [
    "<"
    ">"
  ] @punctuation.bracket)
(generics
  [
    "<"
    ">"
  ] @punctuation.bracket)

[
  (block "{" @punctuation.bracket "}" @punctuation.bracket)
  (settings "{" @punctuation.bracket "}" @punctuation.bracket)
  (setting_block "{" @punctuation.bracket "}" @punctuation.bracket)
  (fields_body "{" @punctuation.bracket "}" @punctuation.bracket)
  (mapping_body "{" @punctuation.bracket "}" @punctuation.bracket)
  (checks "{" @punctuation.bracket "}" @punctuation.bracket)
  (statements "{" @punctuation.bracket "}" @punctuation.bracket)
  (operations "{" @punctuation.bracket "}" @punctuation.bracket)
  (test_body "{" @punctuation.bracket "}" @punctuation.bracket)
  (record "{" @punctuation.bracket "}" @punctuation.bracket)
  (record_type "{" @punctuation.bracket "}" @punctuation.bracket)
  (match_expression "{" @punctuation.bracket "}" @punctuation.bracket)
  (use_names "{" @punctuation.bracket "}" @punctuation.bracket)
]

; ---------------------------------------------------------------------------------------------------------------- comments

(comment) @comment
(doc_comment) @comment.documentation
