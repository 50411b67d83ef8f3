//! Ctrl-C and SIGTERM end a run after a last commit; a second one ends it at once.

use std::thread;

use tokio::sync::oneshot;

use super::options::StopHandle;

/// Listens while it lives.
pub(crate) struct Listening {
    end: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // It ends as soon as its channel is closed; if it broke off, there is nothing to do for it.
            let _ = thread.join();
        }
    }
}

/// Starts to listen; every signal tells the handle.
pub(crate) fn listen(stop: StopHandle) -> Listening {
    let (end, ended) = oneshot::channel();
    let thread = thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(wait(stop, ended));
    });
    Listening { end: Some(end), thread: Some(thread) }
}

async fn wait(stop: StopHandle, mut ended: oneshot::Receiver<()>) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = &mut ended => return,
        }
        stop.stop();
    }
}
