//! Reads before writes.
//!
//! What is written to another process wakes it, and to wake a core that sleeps is the dearest thing that a request does.
//! Where each message is written as soon as it is made, the other side has dealt with the last one and sleeps again;
//! where many are written one right after the other, the first of them wakes it for all. So a worker reads whatever has
//! come over any of its connections, and works on it, before it writes. Nothing is waited for: a connection that is alone
//! writes at once.

/// Ready when what has come over other connections was read.
pub(crate) async fn after_reads() {
    // The runtime goes on with whoever yields after all others that can run, and after a look at what has come.
    tokio::task::yield_now().await;
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::runtime::{Builder, LocalOptions};
    use tokio::task::spawn_local;

    use super::*;

    #[test]
    fn what_has_come_is_read_before_anything_is_written() {
        // The runtime of a worker.
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build_local(LocalOptions::default());
        let order = runtime.unwrap().block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let mut near = TcpStream::connect(listener.local_addr().unwrap())
                .await
                .unwrap();
            let (mut far, _) = listener.accept().await.unwrap();
            let order = Rc::new(RefCell::new(Vec::new()));
            let note = |what| {
                let order = Rc::clone(&order);
                move || order.borrow_mut().push(what)
            };
            let (writes, reads) = (note("writes"), note("reads"));
            far.write_all(b"1").await.unwrap();
            let writer = spawn_local(async move {
                after_reads().await;
                writes();
            });
            let reader = spawn_local(async move {
                near.read_u8().await.unwrap();
                reads();
            });
            writer.await.unwrap();
            reader.await.unwrap();
            order.take()
        });
        assert_eq!(order, ["reads", "writes"]);
    }
}
