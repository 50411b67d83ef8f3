;;; nsf-mode.el --- The .nsf language of NsFlow  -*- lexical-binding: t; -*-

;; Package-Requires: ((emacs "28.1"))
;; Keywords: languages
;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; Colours, indentation, an index of items, `compile' with `nsfc check', and
;; eglot with the language server that `nsfc lsp' is.  `nsfc' must be in
;; `exec-path', or named by `nsf-program'.

;;; Code:

(require 'imenu)
(require 'compile)

(defgroup nsf nil
  "The .nsf language of NsFlow."
  :group 'languages)

(defcustom nsf-program "nsfc"
  "The compiler, which is the language server too."
  :type 'file
  :group 'nsf)

(defcustom nsf-indent-offset 2
  "Columns of a step of indentation; the formatter uses two."
  :type 'integer
  :safe #'integerp
  :group 'nsf)

(defvar nsf-mode-syntax-table
  (let ((table (make-syntax-table)))
    (modify-syntax-entry ?_ "w" table)
    (modify-syntax-entry ?/ ". 12" table)
    (modify-syntax-entry ?\n ">" table)
    (modify-syntax-entry ?\" "\"" table)
    (modify-syntax-entry ?\\ "\\" table)
    (dolist (sign '(?+ ?- ?* ?% ?= ?< ?> ?| ?? ?. ?: ?, ?@ ?#))
      (modify-syntax-entry sign "." table))
    table)
  "What characters are in `nsf-mode'.")

(defconst nsf--items
  '("use" "const" "type" "fn" "builtin" "mapping" "primary" "dimension" "fields"
    "tenant" "space" "source" "table" "ingest" "subscription" "state" "monitor"
    "verify" "load" "calculate" "save" "expand" "flow" "test")
  "Words that start an item in column 0, and nowhere else.")

(defconst nsf--types
  '("bool" "int8" "int16" "int32" "int64" "uint8" "uint16" "uint32" "uint64"
    "float32" "float64" "decimal" "text" "bytes" "timestamp" "date" "duration"
    "json" "link" "attachment")
  "The types that have a name.")

(defconst nsf--font-lock
  `((,(concat "^\\(?:\\(builtin\\) +\\)?" (regexp-opt nsf--items t) "\\_>\\(?:[ \t]+\\([[:alpha:]_]\\w*\\)\\)?")
     (1 font-lock-keyword-face nil t) (2 font-lock-keyword-face) (3 font-lock-function-name-face nil t))
    ;; Steps, checks and clauses start a statement; the same words are names elsewhere.
    (,(concat "\\(?:^[ \t]+\\|[{}][ \t]*\\|  \\)"
              (regexp-opt '("verify" "load" "calculate" "save" "expand" "when" "each" "jump" "repartition"
                            "require" "unique" "drop" "reject" "insert" "remove" "let" "with" "given" "expect") t)
              "\\_>\\(?:[ \t]+[^]:=,.) \t]\\|[ \t]*$\\)")
     1 font-lock-keyword-face)
    ("\\_<\\(stop\\)\\_>\\(?:[ \t]+\\(when\\)\\_>\\|[ \t]*$\\)" (1 font-lock-keyword-face) (2 font-lock-keyword-face nil t))
    ("\\_<\\(?:drop\\|reject\\|jump[ \t]+\\w+\\)[ \t]+\\(when\\)\\_>" 1 font-lock-keyword-face)
    ("\\_<else[ \t]+\\(reject\\|drop\\|when\\|keep\\)\\_>" 1 font-lock-keyword-face)
    ("\\_<expect[ \t]+\\(rejected\\|dropped\\|published\\|same[ \t]+under\\)\\_>" 1 font-lock-keyword-face)
    ("^\\(?:flow\\|load\\|save\\|state\\|subscription\\|monitor\\)\\_>.*?[ \t]\\(from\\|into\\|by\\|on\\)\\_>" 1 font-lock-keyword-face)
    (,(regexp-opt '("and" "or" "not" "in" "if" "then" "else" "match" "catch") 'symbols) . font-lock-keyword-face)
    (,(regexp-opt '("true" "false" "null") 'symbols) . font-lock-constant-face)
    ("@[0-9]\\{4\\}-[0-9][0-9]-[0-9][0-9]\\(?:T[0-9:.]+\\(?:Z\\|[-+][0-9:]+\\)?\\)?" . font-lock-constant-face)
    ("\\_<\\(?:[0-9][0-9_]*\\(?:min\\|ms\\|[shd]\\)\\)+\\_>" . font-lock-constant-face)
    ("#[0-9]+" . font-lock-constant-face)
    (,(concat "\\(?:[:<,>][ \t]*\\|=[ \t]+\\|{[ \t]*\\)" (regexp-opt nsf--types t) "\\_>[ \t]*\\(?:[^( \t]\\|$\\)") 1 font-lock-type-face)
    ("\\_<\\(list\\|set\\|map\\|select\\|multi\\)<" 1 font-lock-type-face)
    ("\\_<\\([[:alpha:]_]\\w*\\)[ \t]*:" 1 font-lock-variable-name-face)
    ("\\_<\\(record\\|value\\|map\\)[ \t]*{" 1 font-lock-variable-name-face)
    ("\\_<\\([[:alpha:]_]\\w*\\)(" 1 font-lock-function-name-face))
  "What is coloured in `nsf-mode'.")

(defconst nsf--raw-texts
  (syntax-propertize-rules
   ;; No escapes, and quotes inside where signs stand around it.
   ("\\_<r\\(#*\\)\\(\"\\)"
    (2 (let* ((start (match-beginning 0))
              (opening (match-beginning 2))
              (closing (concat "\"" (match-string 1)))
              (end (and (not (nth 8 (save-excursion (syntax-ppss start))))
                        (save-excursion (search-forward closing nil t)))))
         (when end
           (put-text-property opening (1+ opening) 'syntax-table (string-to-syntax "|"))
           (let ((last (- end (length closing))))
             (put-text-property last (1+ last) 'syntax-table (string-to-syntax "|"))))
         nil))))
  "Finds raw texts.")

(defun nsf-indent-line ()
  "Indent a line by the brackets that are open before it."
  (interactive)
  (let* ((state (save-excursion (syntax-ppss (line-beginning-position))))
         (column (if (nth 3 state) (current-indentation) (nsf--column state)))
         (from-end (- (point-max) (point))))
    (indent-line-to column)
    ;; The cursor stays where it was in the text.
    (when (> (- (point-max) from-end) (point))
      (goto-char (- (point-max) from-end)))))

(defun nsf--column (state)
  "The column of the line at point, before which the brackets are as STATE says."
  (let ((open (nth 1 state))
        (closes (save-excursion (back-to-indentation) (memq (char-after) '(?\} ?\] ?\))))))
    (if (null open)
        0
      ;; Brackets that open on one line are one step together.
      (+ (save-excursion (goto-char open) (current-indentation))
         (if closes 0 nsf-indent-offset)))))

(defvar nsf--index
  `((nil ,(concat "^\\(?:builtin +\\)?" (regexp-opt nsf--items) "[ \t]+\\([[:alpha:]_]\\w*\\)") 1)
    ("Tests" "^test[ \t]+\"\\([^\"\n]*\\)\"" 1))
  "The items of a file.")

;;;###autoload
(define-derived-mode nsf-mode prog-mode "NSF"
  "Major mode for the .nsf language of NsFlow."
  (setq-local comment-start "// ")
  (setq-local comment-start-skip "//[/!]?[ \t]*")
  (setq-local comment-end "")
  (setq-local indent-tabs-mode nil)
  (setq-local indent-line-function #'nsf-indent-line)
  (setq-local electric-indent-chars (append "{}[]()" electric-indent-chars))
  (setq-local font-lock-defaults '(nsf--font-lock))
  (setq-local syntax-propertize-function nsf--raw-texts)
  (setq-local imenu-generic-expression nsf--index)
  (setq-local compile-command (concat nsf-program " check --format short " (or (locate-dominating-file default-directory "nsf.yaml") "."))))

;;;###autoload
(add-to-list 'auto-mode-alist '("\\.nsf\\'" . nsf-mode))

(add-to-list 'compilation-error-regexp-alist-alist
             '(nsf "^\\(.+\\.nsf\\):\\([0-9]+\\):\\([0-9]+\\): \\(?:error\\|\\(warning\\)\\)\\[" 1 2 3 (4)))
(add-to-list 'compilation-error-regexp-alist 'nsf)

(with-eval-after-load 'eglot
  (defvar eglot-server-programs)
  (add-to-list 'eglot-server-programs (cons 'nsf-mode (list nsf-program "lsp"))))

(provide 'nsf-mode)
;;; nsf-mode.el ends here
