"""What a run costs in time, energy and money: counters where the machine has them, stated numbers where not, and no guesses.

Energy counters: Intel RAPL through Linux powercap (Documentation/power/powercap; microjoules of the CPU packages) and NVML's
total energy of each GPU (nvmlDeviceGetTotalEnergyConsumption; millijoules, Volta and later). Neither sees the rest of the machine.
"""

from __future__ import annotations

import ctypes
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kefu.train.factory.recipe import Cost

_RAPL = Path("/sys/class/powercap")


class Meter:
    """Started when made; `read` says what was used since."""

    def __init__(self, rapl: Path = _RAPL) -> None:
        self.zones = [zone for zone in sorted(rapl.glob("intel-rapl:*")) if zone.name.count(":") == 1]
        self.started, self.cpu, self.gpu = time.perf_counter(), self._packages(), _gpus()

    def read(self, given: Cost) -> dict[str, Any]:
        """{"seconds", "energy_kwh", "energy_how", "money", "money_how", "currency"}; None for what is not known."""
        seconds = time.perf_counter() - self.started
        joules = 0.0
        parts: list[str] = []
        for name, before, after in (("CPU package counters (RAPL)", self.cpu, self._packages()), ("GPU counters (NVML)", self.gpu, _gpus())):
            used = [self._since(b, a, i) if name.startswith("CPU") else a - b for i, (b, a) in enumerate(zip(before, after, strict=False))]
            if used and all(u >= 0 for u in used):
                joules, parts = joules + sum(used), [*parts, name]
        if parts:
            energy, how = joules / 3.6e6, f"measured: {' and '.join(parts)}; not the rest of the machine"
        elif given.power_w:
            energy, how = given.power_w * seconds / 3.6e6, f"estimated: {given.power_w:g} W stated in cost.power_w, for {seconds:.0f} s"
        else:
            return _priced({"seconds": seconds, "energy_kwh": None, "energy_how": "not known: no counter can be read; state cost.power_w"}, given)
        return _priced({"seconds": seconds, "energy_kwh": energy, "energy_how": how}, given)

    def _packages(self) -> list[float]:
        """Joules so far of each CPU package."""
        try:
            return [int((zone / "energy_uj").read_text()) / 1e6 for zone in self.zones]
        except (OSError, ValueError):
            return []

    def _since(self, before: float, after: float, zone: int) -> float:
        if after >= before:
            return after - before
        try:  # the counter starts again at its largest value
            return after - before + int((self.zones[zone] / "max_energy_range_uj").read_text()) / 1e6
        except (OSError, ValueError):
            return -1.0


def _priced(found: dict[str, Any], given: Cost) -> dict[str, Any]:
    money, how = None, []
    if given.price_per_kwh is not None and found["energy_kwh"] is not None:
        money = given.price_per_kwh * found["energy_kwh"]
        how.append(f"{given.price_per_kwh:g} {given.currency} for a kWh")
    if given.price_per_hour is not None:
        money = (money or 0.0) + given.price_per_hour * found["seconds"] / 3600
        how.append(f"{given.price_per_hour:g} {given.currency} for an hour of the machine")
    said = " and ".join(how) or "not known: no price is configured (cost.price_per_kwh, cost.price_per_hour)"
    return {**found, "seconds": round(found["seconds"], 1), "money": money, "money_how": said, "currency": given.currency}


def _gpus() -> list[float]:
    """Joules so far of each GPU this process may use; empty where NVML is not there."""
    try:
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return []
    if nvml.nvmlInit_v2():
        return []
    try:
        count = ctypes.c_uint()
        if nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)):
            return []
        found = []
        for index in range(count.value):
            handle, used = ctypes.c_void_p(), ctypes.c_ulonglong()
            if nvml.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(handle)) or nvml.nvmlDeviceGetTotalEnergyConsumption(
                handle, ctypes.byref(used)
            ):
                return []
            found.append(used.value / 1e3)
        return found
    finally:
        nvml.nvmlShutdown()
