"""A synthetic image without a lesion, to show how the model answers to it."""

import cv2
import numpy as np

SIZE = (450, 600)  # height and width in pixels


def non_lesion() -> np.ndarray:
    """A house and a tree, (450, 600, 3) uint8 RGB, always the same."""
    height, width = SIZE
    image = np.zeros((height, width, 3), dtype=np.uint8)
    image[:] = (150, 196, 232)
    cv2.rectangle(image, (0, 330), (width, height), (96, 150, 72), -1)
    cv2.circle(image, (510, 80), 44, (250, 214, 92), -1, cv2.LINE_AA)
    cv2.rectangle(image, (150, 200), (370, 370), (226, 214, 190), -1)
    cv2.fillPoly(image, [np.array([(130, 205), (260, 105), (390, 205)], np.int32)], (160, 66, 50), cv2.LINE_AA)
    cv2.rectangle(image, (232, 285), (286, 370), (104, 70, 46), -1)
    for left in (172, 304):
        cv2.rectangle(image, (left, 235), (left + 44, 280), (86, 116, 140), -1)
        cv2.line(image, (left + 22, 235), (left + 22, 280), (240, 240, 236), 3)
        cv2.line(image, (left, 257), (left + 44, 257), (240, 240, 236), 3)
    cv2.rectangle(image, (462, 260), (486, 375), (110, 78, 52), -1)
    cv2.circle(image, (474, 232), 62, (58, 116, 54), -1, cv2.LINE_AA)
    return image
