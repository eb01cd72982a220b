"""Runs argv[3:] on a terminal of its own. Once it has said argv[1], does argv[2]: 'ctrl-c' types that, 'hang-up' closes the terminal,
'leave' does so behind the back of a program that has left the terminal's session. Prints the exit code, negative for a signal."""
import os, pty, select, signal, sys

marker, action, argv = sys.argv[1].encode(), sys.argv[2], sys.argv[3:]
pid, terminal = pty.fork()
if pid == 0:
    if action == 'leave':
        # The parent stays as the session's leader, takes the hang-up for both, and hands on how the child ended.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        child = os.fork()
        if child:
            _, status = os.waitpid(child, 0)
            os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
        os.setsid()
    os.execvp(argv[0], argv)
said = b''
while marker not in said:
    said += os.read(terminal, 65536)
if action == 'ctrl-c':
    os.write(terminal, b'\x03')
    try:
        while os.read(terminal, 65536):
            pass
    except OSError:
        pass
else:
    os.close(terminal)
_, status = os.waitpid(pid, 0)
print(os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status))
