; What a code host lists of a file.

(flow_item name: (identifier) @name) @definition.function
(fn_item name: (identifier) @name) @definition.function
(builtin_item name: (identifier) @name) @definition.function
(mapping_item name: (identifier) @name) @definition.function
(step_function name: (identifier) @name) @definition.function
(const_item name: (identifier) @name) @definition.constant
(type_item name: (type_identifier) @name) @definition.type
(primary_item name: (identifier) @name) @definition.field
(dimension_item name: (identifier) @name) @definition.class
(settings_item name: (identifier) @name) @definition.class
(dimension_field name: (identifier) @name) @definition.field

(call function: (identifier) @name) @reference.call
(verify_step name: (identifier) @name) @reference.call
(calculate_step name: (identifier) @name) @reference.call
(load_step name: (identifier) @name) @reference.class
(save_step name: (identifier) @name) @reference.class
(expand_step name: (identifier) @name) @reference.class
