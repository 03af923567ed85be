"""pyserial's class for faulty:// URLs, found by host.port's entry in serial.protocol_handler_packages."""

from typing import Any

import serial
from serial.serialutil import PortNotOpenError, SerialBase, SerialException, Timeout, to_bytes

from host.faults import Cable, cable, split

READ_BYTES = 4096
"""Most to take from the inner port at once."""


class Serial(SerialBase):  # type: ignore[misc] # pyserial has no types
    """A port behind a cable (host.faults). Errors of the inner port come through as they are."""

    BAUDRATES = serial.Serial.BAUDRATES
    _cable: Cable
    is_open: bool
    _inner: Any = None
    _arrived = b""  # and not yet read

    @SerialBase.port.setter  # type: ignore[untyped-decorator]
    def port(self, url: str | None) -> None:
        """Raises HostError for a malformed URL."""
        if url is not None:
            self._cable, self._inner_url = cable(url), split(url)[1]
        SerialBase.port.__set__(self, url)

    def open(self) -> None:
        if self.is_open:
            raise SerialException("Port is already open.")
        self._inner = serial.serial_for_url(self._inner_url, do_not_open=True, exclusive=self.exclusive)
        self._inner.apply_settings(self.get_settings())
        self._inner.dtr, self._inner.rts = self.dtr, self.rts
        self._inner.open()
        self._cable.reopen()
        self._arrived = b""
        self.is_open = True

    def close(self) -> None:
        if self._inner is not None:
            self._inner.close()
        self.is_open = False

    def read(self, size: int = 1) -> bytes:
        """Up to `size` bytes; fewer if no more came within the timeout."""
        self._require_open()
        timeout = Timeout(self.timeout)
        while len(self._arrived) < size and not self._cable.disconnected:
            left = timeout.time_left()
            self._pump(left)
            if left == 0:  # None waits for ever
                break
        taken, self._arrived = self._arrived[:size], self._arrived[size:]
        if not taken and size > 0:
            self._require_cable()
        return taken

    def write(self, data: Any) -> int:
        """Give all of `data` to the cable. Raises SerialException if it disconnects, after what came before."""
        self._require_open()
        self._require_cable()
        data = to_bytes(data)
        arriving = self._cable.down.feed(data)
        if arriving:
            self._inner.write(arriving)
        if self._cable.disconnected:
            self._inner.close()
            self._require_cable()
        return len(data)

    @property
    def in_waiting(self) -> int:
        self._require_open()
        self._pump(0)
        return len(self._arrived)

    def reset_input_buffer(self) -> None:
        self._require_open()
        self._inner.reset_input_buffer()
        self._arrived = b""

    def reset_output_buffer(self) -> None:
        self._require_open()
        self._inner.reset_output_buffer()

    def flush(self) -> None:
        self._require_open()
        self._inner.flush()

    def fileno(self) -> int:
        descriptor: int = self._inner.fileno()
        return descriptor

    def _pump(self, seconds: float | None) -> None:
        """Carry what the inner port has, after waiting for its first byte."""
        if self._cable.disconnected:
            return
        self._inner.timeout = seconds
        data = self._inner.read(1)
        if data:
            self._inner.timeout = 0  # pyserial would wait for as many bytes as are asked for
            data += self._inner.read(READ_BYTES)
            self._arrived += self._cable.up.feed(data)
        if self._cable.disconnected:
            self._inner.close()

    def _require_open(self) -> None:
        if not self.is_open:
            raise PortNotOpenError()

    def _require_cable(self) -> None:
        if self._cable.disconnected:
            raise SerialException("the cable disconnected, a fault that its rate asked for")

    def _reconfigure_port(self) -> None:
        if self._inner is not None and self.is_open:
            self._inner.apply_settings({key: value for key, value in self.get_settings().items() if key != "timeout"})

    def _update_dtr_state(self) -> None:
        self._inner.dtr = self.dtr

    def _update_rts_state(self) -> None:
        self._inner.rts = self.rts

    def _update_break_state(self) -> None:
        self._inner.break_condition = self.break_condition
