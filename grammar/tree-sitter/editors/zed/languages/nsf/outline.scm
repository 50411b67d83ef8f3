; The outline: items, the fields in them, labels.

(flow_item "flow" @context name: (identifier) @name) @item
(fn_item "fn" @context name: (identifier) @name) @item
(builtin_item "fn" @context name: (identifier) @name) @item
(mapping_item "mapping" @context name: (identifier) @name) @item
(const_item "const" @context name: (identifier) @name) @item
(type_item "type" @context name: (type_identifier) @name) @item
(primary_item "primary" @context name: (identifier) @name) @item
(dimension_item "dimension" @context name: (identifier) @name) @item
(fields_item "fields" @context name: (identifier) @name) @item
(dimension_field name: (identifier) @name) @item
(settings_item
  ["tenant" "space" "source" "table" "ingest" "subscription" "monitor" "state"] @context
  name: (identifier) @name) @item
(step_function
  ["verify" "calculate" "load" "save" "expand"] @context
  name: (identifier) @name) @item
(test_item "test" @context title: (_) @name) @item

[
  (comment)
  (doc_comment)
] @annotation
