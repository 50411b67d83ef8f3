//! Ctrl-C and SIGTERM end a run after a last commit; a second one ends it at once.

use std::{thread, time::Duration};

use tokio::sync::oneshot;

use super::{
    event::Event,
    options::{EventListener, StopHandle},
};

/// How long a run that was told a second time may take to end by itself.
const GRACE: Duration = Duration::from_millis(300);

/// Listens while it lives.
pub struct Listening {
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

/// Starts to listen; every signal tells the handle, and `events` hears when a second one has no effect soon.
#[must_use]
pub fn listen(stop: StopHandle, events: Option<EventListener>) -> Listening {
    let (end, ended) = oneshot::channel();
    let thread = thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(wait(stop, events, ended));
    });
    Listening { end: Some(end), thread: Some(thread) }
}

async fn wait(stop: StopHandle, events: Option<EventListener>, mut ended: oneshot::Receiver<()>) {
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
        if stop.stop() == 0 {
            continue;
        }
        tokio::select! {
            () = tokio::time::sleep(GRACE) => {}
            _ = &mut ended => return,
        }
        if let Some(events) = &events {
            events(&Event::Overdue);
        }
    }
}
