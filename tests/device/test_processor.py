from __future__ import annotations

import pytest

from edgecnn_device.processor import dot_product_warning, has_dot_product, name_of, processor_name

PI_4 = """\
processor\t: 0
BogoMIPS\t: 108.00
Features\t: fp asimd evtstrm crc32 cpuid
CPU implementer\t: 0x41
CPU part\t: 0xd08

processor\t: 1
Features\t: fp asimd evtstrm crc32 cpuid
CPU implementer\t: 0x41
CPU part\t: 0xd08

Revision\t: c03112
Model\t\t: Raspberry Pi 4 Model B Rev 1.2
"""
PI_5 = """\
processor\t: 0
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp
CPU part\t: 0xd0b

Model\t\t: Raspberry Pi 5 Model B Rev 1.0
"""  # noqa: E501
JETSON = """\
processor\t: 0
model name\t: ARMv8 Processor rev 1 (v8l)
Features\t: fp asimd evtstrm aes atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp uscat
CPU part\t: 0xd42
"""
VNNI = "model\t\t: 167\nmodel name\t: Intel(R) Xeon(R) Processor\nflags\t\t: fpu avx2 avx512_vnni\n"
AVX2 = "model name\t: Intel(R) Core(TM) i5-8250U CPU @ 1.60GHz\nflags\t\t: fpu sse4_2 avx2\n"
MIXED = "Features\t: asimd asimddp\n\nFeatures\t: asimd\n"


@pytest.mark.parametrize(
    ("info", "expected"),
    [(PI_4, False), (PI_5, True), (JETSON, True), (VNNI, True), (AVX2, False), (MIXED, False),
     ("flags\t: avx2 avx_vnni\n", True), ("", None), ("Hardware\t: BCM2835\n", None)],
)  # fmt: skip
def test_dot_products_are_read_from_cpuinfo(info: str, expected: bool | None) -> None:
    assert has_dot_product(info) is expected


@pytest.mark.parametrize(
    ("info", "says"), [(PI_4, "asimddp"), (AVX2, "avx512_vnni"), (PI_5, None), ("", None)]
)
def test_only_a_processor_without_them_is_warned_of(info: str, says: str | None) -> None:
    warning = dot_product_warning(info)
    assert (warning is None) if says is None else (says in (warning or ""))


@pytest.mark.parametrize(
    ("info", "board", "name"),
    [
        (PI_4, "", "Raspberry Pi 4 Model B Rev 1.2 (Cortex-A72)"),
        (PI_5, "Raspberry Pi 5 Model B Rev 1.0\0", "Raspberry Pi 5 Model B Rev 1.0 (Cortex-A76)"),
        (JETSON, "NVIDIA Jetson Orin Nano Developer Kit\0",
         "NVIDIA Jetson Orin Nano Developer Kit (Cortex-A78AE)"),
        (VNNI, "", "Intel(R) Xeon(R) Processor"),
        ("CPU part\t: 0xd0c\n", "", "Neoverse-N1"),
    ],
)  # fmt: skip
def test_the_name_tells_board_and_core(info: str, board: str, name: str) -> None:
    assert name_of(info, board) == name


def test_this_machine_has_a_name() -> None:
    assert processor_name()
