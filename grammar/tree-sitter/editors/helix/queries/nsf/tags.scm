; What the picker of symbols lists.

(flow_item name: (identifier) @definition.function)
(fn_item name: (identifier) @definition.function)
(step_function name: (identifier) @definition.function)
(mapping_item name: (identifier) @definition.function)
(const_item name: (identifier) @definition.constant)
(type_item name: (type_identifier) @definition.type)
(dimension_item name: (identifier) @definition.class)
(settings_item name: (identifier) @definition.class)
