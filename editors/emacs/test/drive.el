;;; drive.el --- Drives Emacs without a screen  -*- lexical-binding: t; -*-

;; NSF_PROJECT is a copy of the classroom that may be changed; `nsfc' is the
;; first in PATH.  What eglot does on idle time is asked for by name: nobody
;; is idle here.

;;; Code:

(require 'cl-lib)
(require 'eglot)
(require 'flymake)
(require 'xref)
(require 'nsf-mode)

(defconst drive--limit 60 "Seconds that something awaited may take.")
(defvar drive--failed nil)

(setq make-backup-files nil
      eglot-autoshutdown t
      eglot-confirm-server-initiated-edits nil)

(defmacro drive-step (name &rest body)
  "Do a step NAME; BODY gives what was seen.  After one that failed nothing is done."
  (declare (indent 1))
  `(unless drive--failed
     (condition-case problem
         (drive--say "ok    %s: %s" ,name (progn ,@body))
       (error
        (setq drive--failed t)
        (drive--say "FAIL  %s: %s" ,name (error-message-string problem))))))

(defmacro drive-served (name capability &rest body)
  "Do a step NAME if the server has CAPABILITY, and say so if it has not."
  (declare (indent 2))
  `(if (or drive--failed (eglot--server-capable ,capability))
       (drive-step ,name ,@body)
     (drive--say "NOT SHOWN: emacs: %s: this nsfc has no %s" ,name ,capability)))

(defun drive--say (words &rest given)
  (princ (concat (string-replace "\n" " | " (apply #'format words given)) "\n")))

(defmacro drive-await (what &rest body)
  "Wait for WHAT: until BODY gives something."
  (declare (indent 1))
  `(let ((end (+ (float-time) drive--limit)) found)
     (while (not (setq found (progn ,@body)))
       (when (> (float-time) end)
         (error "waited in vain for %s" ,what))
       (accept-process-output nil 0.02))
     found))

(defun drive-equal (seen wanted)
  (unless (equal seen wanted)
    (error "%S is not %S" seen wanted)))

(defun drive-at (text &optional into)
  "Go to TEXT, INTO characters in it."
  (goto-char (point-min))
  (search-forward text)
  (goto-char (+ (match-beginning 0) (or into 0))))

(defun drive-type (text)
  "Type TEXT at point."
  (insert text)
  (eglot--signal-textDocument/didChange))

(defun drive-diagnostics (count)
  "Wait for COUNT diagnostics."
  (drive-await (format "%d diagnostics" count)
    (let ((found (flymake-diagnostics)))
      (and (= (length found) count) (or found t)))))

(defvar drive--file (expand-file-name "classroom/duration.nsf" (getenv "NSF_PROJECT")))
(defvar drive--before (with-temp-buffer (insert-file-contents drive--file) (buffer-string)))

(defun drive-as-before ()
  (drive-equal (buffer-string) drive--before))

(find-file drive--file)

(drive-step "the mode"
  (drive-equal (list major-mode comment-start indent-tabs-mode) '(nsf-mode "// " nil))
  (format "%s in Emacs %s" mode-name emacs-version))

(drive-step "colours"
  (font-lock-ensure)
  (mapconcat
   (lambda (case)
     (drive-at (nth 0 case) (nth 1 case))
     (drive-equal (list (nth 0 case) (get-text-property (point) 'face)) (list (nth 0 case) (nth 2 case)))
     (nth 0 case))
   '(("source stay_segment" 0 font-lock-keyword-face) ("source stay_segment" 8 font-lock-function-name-face)
     ("stu_id:   int64" 0 font-lock-variable-name-face) ("int64 from" 0 font-lock-type-face)
     ("\"StuID\"" 1 font-lock-string-face) ("verify    sane_segment" 0 font-lock-keyword-face)
     ("reject when end - start" 8 font-lock-keyword-face) ("12h" 0 font-lock-constant-face)
     ("@2023-05-20T23:30Z" 3 font-lock-constant-face) ("expect rejected" 0 font-lock-keyword-face)
     ("//! classroom" 5 font-lock-comment-face) ("time: end" 6 nil))
   ", "))

(drive-step "raw texts"
  (with-temp-buffer
    (insert "const a: text = r#\"a \"quoted\" // {\"#\nconst b: text = \"x\"\n")
    (nsf-mode)
    (font-lock-ensure)
    (drive-at "quoted")
    (drive-equal (get-text-property (point) 'face) 'font-lock-string-face)
    (drive-at "const b")
    (drive-equal (get-text-property (point) 'face) 'font-lock-keyword-face))
  "quotes inside do not end them")

(drive-step "indentation"
  (let ((inhibit-message t))
    (indent-region (point-min) (point-max)))
  (drive-as-before)
  "every line stays where the formatter has put it")

(drive-step "index"
  (let ((names (mapcar #'car (imenu--make-index-alist t))))
    (dolist (name '("stay_segment" "plan_stay" "plan_duration" "Tests"))
      (unless (member name names) (error "%s is not in %S" name names)))
    (format "%d entries" (length names))))

(drive-step "the server starts"
  (let ((inhibit-message t))
    (apply #'eglot--connect (eglot--guess-contact)))
  (drive-await "eglot" (eglot-managed-p))
  (flymake-mode 1)
  (plist-get (eglot--server-info (eglot-current-server)) :version))

(drive-step "diagnostics as you type"
  (drive-diagnostics 0)
  (drive-at "stay >= plan_len" 4)
  (drive-type "y")
  (let ((own (car (drive-diagnostics 1))))
    (drive-equal (buffer-substring (flymake-diagnostic-beg own) (flymake-diagnostic-end own)) "stayy")
    (flymake-diagnostic-text own)))

(drive-step "code action"
  (drive-at "stayy >= plan_len" 2)
  (let ((inhibit-message t))
    (eglot-code-actions (point) (point) "quickfix" t))
  (drive-as-before)
  (eglot--signal-textDocument/didChange)
  (drive-diagnostics 0)
  "`stayy` is `stay` again")

(drive-step "format"
  (drive-at "  key:  stu_id")
  (drive-type "     ")
  (let ((inhibit-message t))
    (eglot-format-buffer))
  (drive-as-before)
  "the one layout")

(drive-served "hover" :hoverProvider
  (drive-at "load      plan_stay" 12)
  ;; It tells only of what a window shows, and asks when the server has been told of all changes.
  (switch-to-buffer (current-buffer))
  (eglot--signal-textDocument/didChange)
  (let (told)
    (eglot-hover-eldoc-function (lambda (text &rest _) (setq told text)))
    (drive-await "the text" told)
    (unless (string-search "plan_stay" told) (error "%s" told))
    (substring-no-properties told)))

(drive-served "completion" :completionProvider
  (drive-at "stop      when stay ==" 18)
  (end-of-line)
  (drive-type " and sta")
  (let ((words (all-completions "sta" (nth 2 (eglot-completion-at-point)))))
    (unless (member "stay" (mapcar #'string-trim (mapcar #'substring-no-properties words))) (error "%S" words))
    (delete-char -8)
    (eglot--signal-textDocument/didChange)
    (drive-as-before)
    (mapconcat #'substring-no-properties (seq-take words 8) ", ")))

(drive-served "definition" :definitionProvider
  (drive-at "verify    sane_segment" 12)
  (let ((found (xref-backend-definitions 'eglot (xref-backend-identifier-at-point 'eglot))))
    (drive-equal (length found) 1)
    (xref-item-summary (car found))))

(drive-served "references" :referencesProvider
  (drive-at "state plan_stay" 8)
  (let ((found (xref-backend-references 'eglot (xref-backend-identifier-at-point 'eglot))))
    (when (< (length found) 5) (error "only %d places" (length found)))
    (format "%d places" (length found))))

(drive-served "rename" :renameProvider
  (let ((inhibit-message t))
    (drive-at "state plan_stay" 8)
    (eglot-rename "stay_of_plan")
    (drive-equal (buffer-string) (string-replace "plan_stay" "stay_of_plan" drive--before))
    (eglot--signal-textDocument/didChange)
    (drive-at "state stay_of_plan" 8)
    (eglot-rename "plan_stay")
    (eglot--signal-textDocument/didChange)
    (eglot-format-buffer))
  (drive-as-before)
  (drive-diagnostics 0)
  "`plan_stay` is `stay_of_plan` everywhere, and back")

(drive-step "compile"
  (let ((live (expand-file-name "live.nsf" (file-name-directory drive--file))) (inhibit-message t))
    (with-temp-file live
      (insert-file-contents live)
      (search-forward "homework_state(")
      (replace-match "homework_stat("))
    (save-buffer)
    (with-current-buffer (compile compile-command)
      (drive-await "its end" (not (process-live-p (get-buffer-process (current-buffer)))))
      (font-lock-ensure)
      (compilation-next-error 1 nil (point-min))
      (let ((place (compilation--message->loc (get-text-property (point) 'compilation-message))))
        (drive-equal (list (file-name-nondirectory (caar (compilation--loc->file-struct place))) (compilation--loc->line place))
                     '("live.nsf" 12)))
      (buffer-substring (line-beginning-position) (line-end-position)))))

(drive-step "the server ends with its last file"
  (let ((process (jsonrpc--process (eglot-current-server))) (inhibit-message t))
    (set-buffer-modified-p nil)
    (kill-buffer)
    (drive-await "its end" (not (process-live-p process)))
    "it is gone"))

(kill-emacs (if drive--failed 1 0))

;;; drive.el ends here
