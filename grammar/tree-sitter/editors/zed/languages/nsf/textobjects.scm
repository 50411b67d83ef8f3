; What can be selected and moved over as one.

(flow_item body: (_) @function.inside) @function.around
(fn_item body: (_) @function.inside) @function.around
(step_function body: (_) @function.inside) @function.around
(mapping_item body: (_) @function.inside) @function.around

(settings_item body: (_) @class.inside) @class.around
(fields_item body: (_) @class.inside) @class.around
(type_item type: (_) @class.inside) @class.around

(comment)+ @comment.around
(doc_comment)+ @comment.around
