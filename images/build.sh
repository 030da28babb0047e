#!/bin/sh
# Builds the guest images: sh build.sh [OUTDIR] (default: next to this file).
# Needs gcc with -m32 (gcc-multilib), binutils, make, makefs, node and gzip.
# The same tools give the same bytes; TOOLCHAIN says which made the committed ones.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here}
mkdir -p "$out"
out=$(cd "$out" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export SOURCE_DATE_EPOCH=1700000000 LC_ALL=C TZ=UTC

make -s -C "$here" OUT="$work/build"
gcc -shared -fPIC -O1 -o "$work/steady.so" "$here/tools/steady.c"

# image MACHINE INTERPRETER SCHEME UFS_VERSION NAME [TREE]
image() {
	tree=$work/$5
	mkdir -p "$tree/boot/kernel" "$tree/boot/modules"
	cp -R "$here/trees/common/." "$here/trees/$1/." "$tree/"
	[ $# -lt 6 ] || cp -R "$here/trees/$6/." "$tree/"
	cp "$work/build/$1/kernel" "$work/build/$1/ubdemo.ko" "$tree/boot/kernel/"
	# What a real loader binary carries somewhere inside: the mark ends at a NUL.
	printf 'Stands in for the guest'\''s loader; userboot only looks for the mark.\n$Interpreter:%s\0\n' "$2" >"$tree/boot/loader"
	LD_PRELOAD="$work/steady.so" makefs -t ffs -B le -s 1024k -T $SOURCE_DATE_EPOCH \
		-o "version=$4,bsize=4096,fsize=512" "$work/$5.ufs" "$tree" >"$work/makefs.log"
	node "$here/tools/partition.mjs" "$3" "$work/$5.ufs" "$work/$5.img"
	gzip -9 -n -c "$work/$5.img" >"$out/$5.img.gz"
}

image amd64 simp gpt 2 amd64-ufs2-gpt
image i386 simp mbr 1 i386-ufs1-mbr
image amd64 lua gpt 2 amd64-menu menu
image i386 lua mbr 2 i386-menu menu
{
	gcc --version | head -n 1
	ld --version | head -n 1
} >"$out/TOOLCHAIN"
