package edgecls

import kotlin.math.floor
import kotlin.math.max
import kotlin.math.min

/** How a picture becomes the model's input; the words are those of the model's spec. */
class Rule(
    val height: Int,
    val width: Int,
    val resize: String,
    val cropFraction: Double,
    val interpolation: String,
)

/** RGB bytes, row by row. */
class Picture(val pixels: ByteArray, val height: Int, val width: Int)

/**
 * The same bytes as `edgecls run` prepares: the box is cut out, halved exactly while it is twice too large, then
 * resized as OpenCV's INTER_LINEAR_EXACT does, in fixed point. No Android class is used here.
 */
object Pixels {
    private const val PAD_VALUE = 127

    /** `argb` as `Bitmap.getPixels` gives it. */
    fun resize(argb: IntArray, height: Int, width: Int, rule: Rule): Picture {
        var boxHeight = height
        var boxWidth = width
        var outHeight = rule.height
        var outWidth = rule.width
        if (rule.resize == "crop") {
            val scale = min(height.toDouble() / rule.height, width.toDouble() / rule.width) * rule.cropFraction
            boxHeight = atLeastOne(rule.height * scale, height)
            boxWidth = atLeastOne(rule.width * scale, width)
        } else if (rule.resize == "letterbox") {
            val scale = min(rule.height.toDouble() / height, rule.width.toDouble() / width)
            outHeight = atLeastOne(height * scale, rule.height)
            outWidth = atLeastOne(width * scale, rule.width)
        }
        var halvings = 0
        if (rule.interpolation == "bilinear") {
            val factor = max(min(boxHeight / outHeight, boxWidth / outWidth), 1)
            halvings = 31 - Integer.numberOfLeadingZeros(factor)
            boxHeight = boxHeight shr halvings shl halvings
            boxWidth = boxWidth shr halvings shl halvings
        }
        var image = cut(argb, width, (height - boxHeight) / 2, (width - boxWidth) / 2, boxHeight, boxWidth)
        repeat(halvings) { image = halved(image) }
        image = if (rule.interpolation == "nearest") nearest(image, outHeight, outWidth) else bilinear(image, outHeight, outWidth)
        return if (outHeight == rule.height && outWidth == rule.width) image else padded(image, rule)
    }

    private fun atLeastOne(value: Double, most: Int): Int = min(max(Math.rint(value).toInt(), 1), most)

    private fun cut(argb: IntArray, stride: Int, top: Int, left: Int, height: Int, width: Int): Picture {
        val out = ByteArray(height * width * 3)
        var to = 0
        for (y in top until top + height) {
            for (x in left until left + width) {
                val pixel = argb[y * stride + x]
                out[to++] = (pixel shr 16).toByte()
                out[to++] = (pixel shr 8).toByte()
                out[to++] = pixel.toByte()
            }
        }
        return Picture(out, height, width)
    }

    private fun ByteArray.at(place: Int): Int = this[place].toInt() and 0xff

    private fun halved(image: Picture): Picture {
        val (height, width) = Pair(image.height / 2, image.width / 2)
        val stride = 3 * image.width
        val from = image.pixels
        val out = ByteArray(height * width * 3)
        var to = 0
        for (y in 0 until height) {
            for (x in 0 until width) {
                for (c in 0 until 3) {
                    val place = 2 * y * stride + 6 * x + c
                    val sum = from.at(place) + from.at(place + 3) + from.at(place + stride) + from.at(place + stride + 3)
                    out[to++] = ((sum + 2) shr 2).toByte()
                }
            }
        }
        return Picture(out, height, width)
    }

    /** The two source places of each place, and the weight of the second in 1/256. */
    private fun weights(from: Int, to: Int): Array<IntArray> {
        val scale = 1.0 / (to.toDouble() / from)
        return Array(to) { place ->
            val position = scale * (place + 0.5) - 0.5
            val first = floor(position).toInt()
            when {
                first < 0 || from == 1 -> intArrayOf(0, 0, 0)
                first >= from - 1 -> intArrayOf(from - 1, from - 1, 0)
                else -> intArrayOf(first, first + 1, Math.rint((position - first) * 256).toInt())
            }
        }
    }

    private fun bilinear(image: Picture, height: Int, width: Int): Picture {
        val across = weights(image.width, width)
        val lines = arrayOfNulls<IntArray>(image.height)
        fun line(y: Int): IntArray = lines[y] ?: IntArray(3 * width) { place ->
            val (first, second, weight) = across[place / 3]
            val row = 3 * y * image.width + place % 3
            image.pixels.at(row + 3 * first) * (256 - weight) + image.pixels.at(row + 3 * second) * weight
        }.also { lines[y] = it }
        val out = ByteArray(height * width * 3)
        weights(image.height, height).forEachIndexed { y, (above, below, weight) ->
            val upper = line(above)
            val lower = line(below)
            for (i in upper.indices) {
                out[3 * y * width + i] = ((upper[i] * (256 - weight) + lower[i] * weight + 32768) shr 16).toByte()
            }
        }
        return Picture(out, height, width)
    }

    private fun nearest(image: Picture, height: Int, width: Int): Picture {
        fun place(i: Int, from: Int, to: Int): Int = min(floor(i * (1.0 / (to.toDouble() / from))).toInt(), from - 1)
        val out = ByteArray(height * width * 3)
        var to = 0
        for (y in 0 until height) {
            for (x in 0 until width) {
                val from = 3 * (place(y, image.height, height) * image.width + place(x, image.width, width))
                for (c in 0 until 3) out[to++] = image.pixels[from + c]
            }
        }
        return Picture(out, height, width)
    }

    private fun padded(image: Picture, rule: Rule): Picture {
        val out = ByteArray(rule.height * rule.width * 3) { PAD_VALUE.toByte() }
        val top = (rule.height - image.height) / 2
        val left = (rule.width - image.width) / 2
        for (y in 0 until image.height) {
            val row = 3 * y * image.width
            image.pixels.copyInto(out, 3 * ((top + y) * rule.width + left), row, row + 3 * image.width)
        }
        return Picture(out, rule.height, rule.width)
    }
}
